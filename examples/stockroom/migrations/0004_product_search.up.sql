-- Hyphens, points and slashes become spaces first: the parser would otherwise read 'SKU-00017' as a word and a negative number.
ALTER TABLE products ADD COLUMN search tsvector NOT NULL
  GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, translate(sku || ' ' || name || ' ' || category, '-./', '   '))) STORED;

CREATE INDEX products_search ON products USING gin (search);
