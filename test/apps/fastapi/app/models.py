from sqlalchemy import Column, DateTime, Integer, String, UniqueConstraint, func

from .database import Base


class Loan(Base):
    __tablename__ = "loans"
    __table_args__ = (UniqueConstraint("idempotency_key", name="uq_loans_idempotency_key"),)

    id = Column(Integer, primary_key=True)
    idempotency_key = Column(String(64), nullable=False)
    tool = Column(String(120), nullable=False, index=True)
    borrower = Column(String(120), nullable=False)
    days = Column(Integer, nullable=False, server_default="7")
    borrowed_at = Column(DateTime(timezone=True), nullable=False, server_default=func.now())
