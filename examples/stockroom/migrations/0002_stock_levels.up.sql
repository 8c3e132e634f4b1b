-- Apart from products, so that a change of stock never touches (and never waits for) the product's own row.
CREATE TABLE stock_levels (
  sku           text PRIMARY KEY REFERENCES products (sku),
  on_hand       integer NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
  reorder_level integer NOT NULL DEFAULT 0 CHECK (reorder_level >= 0),
  updated_at    timestamptz NOT NULL DEFAULT now()
);

-- The low-stock list reads only the rows that are on it.
CREATE INDEX stock_levels_low ON stock_levels (sku) WHERE on_hand <= reorder_level;
