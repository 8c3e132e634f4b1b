import { HttpError } from '../http/response.ts';

export const KINDS = ['receipt', 'sale', 'return', 'correction'] as const;
export type Kind = (typeof KINDS)[number];

/** Bounds of one movement's quantity, the same as the table's CHECK. */
export const MAX_QUANTITY = 10_000;

export interface MovementRequest {
  readonly key: string;
  readonly sku: string;
  readonly kind: Kind;
  /** Signed: what the movement adds to the stock on hand. Never zero. */
  readonly quantity: number;
  readonly note: string;
}

/**
 * Reads a movement from a decoded JSON body and the `Idempotency-Key` header. Without `kind`, a positive quantity is a
 * receipt and a negative one a sale. Throws `HttpError` 400 with the first thing that is wrong.
 */
export function parseMovement(body: unknown, headerKey: string | undefined): MovementRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalid('The body must be a JSON object.');
  const fields = new Map<string, unknown>(Object.entries(body));
  const unknown = [...fields.keys()].find((name) => !['key', 'sku', 'kind', 'quantity', 'note'].includes(name));
  if (unknown !== undefined) throw invalid(`There is no field "${unknown.slice(0, 40)}".`);
  const quantity = parseQuantity(fields.get('quantity'));
  return {
    key: parseKey(fields.get('key'), headerKey),
    sku: parseSku(fields.get('sku')),
    kind: parseKind(fields.get('kind'), quantity),
    quantity,
    note: parseNote(fields.get('note')),
  };
}

/** The same from the page's form, where a sale's quantity is typed without its sign. */
export function parseMovementForm(form: URLSearchParams): MovementRequest {
  const typed = (form.get('quantity') ?? '').trim();
  const number = /^-?\d+$/.test(typed) ? Number(typed) : undefined;
  const quantity = number !== undefined && form.get('kind') === 'sale' ? -Math.abs(number) : number;
  return parseMovement(
    {
      key: form.get('key') ?? '',
      sku: (form.get('sku') ?? '').trim().toUpperCase(),
      kind: form.get('kind') ?? '',
      quantity,
      note: (form.get('note') ?? '').trim(),
    },
    undefined,
  );
}

function parseKey(bodyKey: unknown, headerKey: string | undefined): string {
  if (bodyKey !== undefined && headerKey !== undefined && bodyKey !== headerKey) {
    throw invalid('The Idempotency-Key header and the key in the body differ.');
  }
  const key = headerKey ?? bodyKey;
  if (key === undefined)
    throw invalid('Give an idempotency key, in the Idempotency-Key header or as "key" in the body.');
  if (typeof key !== 'string' || !/^[\w.:-]{1,128}$/.test(key)) {
    throw invalid('The key must have 1 to 128 letters, digits, or any of . : _ -');
  }
  return key;
}

function parseSku(sku: unknown): string {
  if (typeof sku !== 'string' || !/^[A-Z0-9][A-Z0-9-]{0,31}$/.test(sku)) {
    throw invalid('sku must have 1 to 32 capital letters, digits or hyphens.');
  }
  return sku;
}

function parseQuantity(quantity: unknown): number {
  if (
    typeof quantity !== 'number' ||
    !Number.isInteger(quantity) ||
    quantity === 0 ||
    Math.abs(quantity) > MAX_QUANTITY
  ) {
    throw invalid(`quantity must be a whole number other than 0, from -${MAX_QUANTITY} to ${MAX_QUANTITY}.`);
  }
  return quantity;
}

function parseKind(kind: unknown, quantity: number): Kind {
  if (kind === undefined) return quantity > 0 ? 'receipt' : 'sale';
  const known = KINDS.find((name) => name === kind);
  if (known === undefined) throw invalid(`kind must be one of ${KINDS.join(', ')}.`);
  if (known === 'sale' && quantity > 0) throw invalid('A sale takes stock out: its quantity must be negative.');
  if ((known === 'receipt' || known === 'return') && quantity < 0) {
    throw invalid(`A ${known} brings stock in: its quantity must be positive.`);
  }
  return known;
}

function parseNote(note: unknown): string {
  if (note === undefined) return '';
  // Postgres has no NUL in text.
  if (typeof note !== 'string' || note.length > 200 || note.includes('\0')) {
    throw invalid('note must be text of at most 200 characters.');
  }
  return note;
}

function invalid(message: string): HttpError {
  return new HttpError(400, 'invalid_movement', message);
}
