CREATE TABLE products (
  sku              text PRIMARY KEY CHECK (sku ~ '^[A-Z0-9][A-Z0-9-]{0,31}$'),
  name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  category         text NOT NULL CHECK (length(category) BETWEEN 1 AND 80),
  unit_price_cents integer NOT NULL CHECK (unit_price_cents >= 0),
  created_at       timestamptz NOT NULL DEFAULT now()
);
