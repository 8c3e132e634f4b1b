from datetime import datetime

from pydantic import BaseModel, Field


class LoanIn(BaseModel):
    idempotency_key: str = Field(min_length=1, max_length=64)
    tool: str = Field(min_length=1, max_length=120)
    borrower: str = Field(min_length=1, max_length=120)
    days: int = Field(default=7, ge=1, le=90)


class LoanOut(LoanIn):
    id: int
    borrowed_at: datetime

    class Config:
        orm_mode = True
