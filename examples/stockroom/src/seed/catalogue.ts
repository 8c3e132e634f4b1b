/** Fixed data: the same call gives the same products and movements on every machine, for ever. */

export const PRODUCTS = 1_000;
export const MOVEMENTS = 10_000;
const SEED = 20_240_229;
/** 2025-01-01T06:00:00Z; the movements follow every 45 minutes. */
const FIRST_MOVEMENT_MS = Date.UTC(2025, 0, 1, 6);
const MOVEMENT_GAP_MS = 45 * 60_000;

export interface SeedProduct {
  readonly sku: string;
  readonly name: string;
  readonly category: string;
  readonly unitPriceCents: number;
  readonly reorderLevel: number;
}

export interface SeedMovement {
  readonly key: string;
  readonly sku: string;
  readonly kind: 'receipt' | 'sale' | 'return';
  readonly quantity: number;
  readonly recordedAt: Date;
}

const CATEGORIES: ReadonlyArray<readonly [category: string, nouns: readonly string[]]> = [
  ['Kitchen', ['Saucepan', 'Mixing Bowl', 'Chopping Board', 'Teapot', 'Ladle', 'Storage Jar', 'Whisk']],
  ['Garden', ['Hand Trowel', 'Watering Can', 'Plant Pot', 'Pruning Shears', 'Garden Hose', 'Seed Tray']],
  ['Office', ['Notebook', 'Desk Lamp', 'Letter Tray', 'Pen Set', 'Stapler', 'Filing Box']],
  ['Workshop', ['Claw Hammer', 'Screwdriver', 'Spirit Level', 'Wood Clamp', 'Tape Measure', 'Drill Bit Set']],
  ['Home', ['Wool Blanket', 'Candle Holder', 'Picture Frame', 'Laundry Basket', 'Door Mat', 'Wall Clock']],
];
const MATERIALS = ['Oak', 'Steel', 'Ceramic', 'Bamboo', 'Copper', 'Linen', 'Enamel', 'Cast Iron', 'Glass', 'Ash'];
const SIZES = ['Small', 'Medium', 'Large', 'Extra Large'];

export function generateProducts(): readonly SeedProduct[] {
  const random = mulberry32(SEED);
  return Array.from({ length: PRODUCTS }, (_, index): SeedProduct => {
    const [category, nouns] = pick(random, CATEGORIES);
    const name = `${pick(random, MATERIALS)} ${pick(random, nouns)}, ${pick(random, SIZES)}`;
    return {
      sku: `SKU-${String(index + 1).padStart(5, '0')}`,
      name,
      category,
      unitPriceCents: 199 + 10 * Math.floor(random() * 900),
      reorderLevel: 5 + Math.floor(random() * 20),
    };
  });
}

/** Each product is received once, then sold, returned and received again; its stock never goes below zero on the way. */
export function generateMovements(products: readonly SeedProduct[]): readonly SeedMovement[] {
  const random = mulberry32(SEED + 1);
  const stock = new Map<string, number>();
  return Array.from({ length: MOVEMENTS }, (_, index): SeedMovement => {
    const product = products[index] ?? pick(random, products);
    const onHand = stock.get(product.sku) ?? 0;
    const { kind, quantity } = index < products.length ? receipt(random) : nextMovement(random, onHand);
    stock.set(product.sku, onHand + quantity);
    return {
      key: `seed-${String(index + 1).padStart(5, '0')}`,
      sku: product.sku,
      kind,
      quantity,
      recordedAt: new Date(FIRST_MOVEMENT_MS + index * MOVEMENT_GAP_MS),
    };
  });
}

type Change = Pick<SeedMovement, 'kind' | 'quantity'>;

function nextMovement(random: () => number, onHand: number): Change {
  const roll = random();
  if (roll < 0.2 || onHand === 0) return receipt(random);
  if (roll < 0.27) return { kind: 'return', quantity: 1 + Math.floor(random() * 2) };
  return { kind: 'sale', quantity: -Math.min(onHand, 1 + Math.floor(random() * 16)) };
}

function receipt(random: () => number): Change {
  return { kind: 'receipt', quantity: 20 + Math.floor(random() * 40) };
}

function pick<T>(random: () => number, values: readonly T[]): T {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new RangeError('nothing to pick from');
  return value;
}

/** Mulberry32 by Tommy Ettinger (public domain): 32 bits of state, numbers from 0 to below 1. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
