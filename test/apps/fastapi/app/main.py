from fastapi import Depends, FastAPI, HTTPException, Query, Response, status
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from .database import get_session
from .models import Loan
from .schemas import LoanIn, LoanOut

app = FastAPI(title="toolshed", version="0.3.0")


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/loans", response_model=list[LoanOut])
def list_loans(
    limit: int = Query(default=50, ge=1, le=200), session: Session = Depends(get_session)
) -> list[Loan]:
    return session.scalars(select(Loan).order_by(Loan.id.desc()).limit(limit)).all()


@app.post("/loans", response_model=LoanOut, status_code=status.HTTP_201_CREATED)
def create_loan(loan: LoanIn, response: Response, session: Session = Depends(get_session)) -> Loan:
    """The same key twice is one loan: the second answer is 200 with what the first one stored."""
    statement = insert(Loan).values(**loan.dict()).on_conflict_do_nothing(constraint="uq_loans_idempotency_key")
    if session.execute(statement).rowcount == 0:
        response.status_code = status.HTTP_200_OK
    session.commit()
    return session.scalars(select(Loan).where(Loan.idempotency_key == loan.idempotency_key)).one()


@app.get("/loans/{idempotency_key}", response_model=LoanOut)
def read_loan(idempotency_key: str, session: Session = Depends(get_session)) -> Loan:
    loan = session.scalars(select(Loan).where(Loan.idempotency_key == idempotency_key)).one_or_none()
    if loan is None:
        raise HTTPException(status_code=404, detail="no such loan")
    return loan
