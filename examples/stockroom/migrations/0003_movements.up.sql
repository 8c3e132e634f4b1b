-- The history of stock and, while state is 'queued', the queue that the deposit agents take from.
CREATE TABLE movements (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key         text NOT NULL UNIQUE CHECK (length(key) BETWEEN 1 AND 128),
  sku         text NOT NULL REFERENCES products (sku),
  kind        text NOT NULL CHECK (kind IN ('receipt', 'sale', 'return', 'correction')),
  quantity    integer NOT NULL CHECK (quantity <> 0 AND quantity BETWEEN -10000 AND 10000),
  note        text NOT NULL DEFAULT '' CHECK (length(note) <= 200),
  state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'applied', 'rejected')),
  reason      text,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  settled_at  timestamptz,
  CHECK ((state = 'queued') = (settled_at IS NULL)),
  CHECK ((state = 'rejected') = (reason IS NOT NULL)),
  CHECK (CASE kind WHEN 'sale' THEN quantity < 0 WHEN 'correction' THEN true ELSE quantity > 0 END)
);

CREATE INDEX movements_queue ON movements (id) WHERE state = 'queued';
CREATE INDEX movements_by_product ON movements (sku, id DESC);
