import { KINDS, MAX_QUANTITY } from '../stock/movement-request.ts';
import type { Movement } from '../stock/movements.ts';
import type { Paging, Product, ProductPage } from '../stock/products.ts';
import { type Child, Markup, markup } from './markup.ts';

export interface Layout {
  readonly stylesheet: string;
  readonly icon: string;
}

type Section = 'stock' | 'low-stock' | 'movements' | 'none';

const SECTIONS = [
  { id: 'stock', path: '/', label: 'Stock' },
  { id: 'low-stock', path: '/low-stock', label: 'Low stock' },
  { id: 'movements', path: '/movements', label: 'Movements' },
] as const;

/** The whole document around a page's own content. */
export function document(layout: Layout, section: Section, title: string, content: Child): string {
  const links = SECTIONS.map(({ id, path, label }) =>
    id === section
      ? markup`<li><a href="${path}" aria-current="page">${label}</a></li>`
      : markup`<li><a href="${path}">${label}</a></li>`,
  );
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Stockroom</title>
<link rel="stylesheet" href="${layout.stylesheet}">
<link rel="icon" type="image/svg+xml" href="${layout.icon}">
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<header><div class="bar"><a class="brand" href="/">Stockroom</a><nav aria-label="Main"><ul class="menu">${links}</ul></nav></div></header>
<main id="content">
${content}
</main>
</body>
</html>
`.text;
}

export function stockList(page: ProductPage, paging: Paging, search: string): Markup {
  const target = (number: number): string =>
    `/?${new URLSearchParams({ ...(search ? { q: search } : {}), page: String(number) })}`;
  return markup`<h1>Stock</h1>
<form class="search" method="get" action="/" role="search">
<label for="q">Search by SKU, name or category</label>
<div><input type="search" id="q" name="q" value="${search}" maxlength="100"><button type="submit">Search</button></div>
</form>
<p class="count">${count(page.total, search ? 'matching product' : 'product')}</p>
${page.products.length === 0 ? markup`<p class="empty">No product matches.</p>` : productTable(page.products)}
${pager(page.total, paging, target)}`;
}

export function lowStockList(page: ProductPage, paging: Paging): Markup {
  return markup`<h1>Low stock</h1>
<p class="count">${count(page.total, 'product')} at or below the reorder level</p>
${page.products.length === 0 ? markup`<p class="empty">Nothing needs to be reordered.</p>` : productTable(page.products)}
${pager(page.total, paging, (number) => `/low-stock?page=${number}`)}`;
}

export function movementList(movements: readonly Movement[], limit: number): Markup {
  const last = movements.at(-1);
  return markup`<h1>Movements</h1>
${movements.length === 0 ? markup`<p class="empty">No movements.</p>` : movementTable(movements, true)}
${last !== undefined && movements.length === limit ? markup`<nav class="pager" aria-label="Pages"><a href="/movements?before=${last.id}">Older</a></nav>` : null}`;
}

export interface FormState {
  readonly key: string;
  readonly message?: string;
}

export function productPage(
  product: Product,
  movements: readonly Movement[],
  form: FormState,
  recorded?: Movement,
): Markup {
  return markup`<p class="crumb"><a href="/">Stock</a></p>
<h1>${product.name}</h1>
${recorded === undefined ? null : markup`<p class="notice" role="status">${recordedText(recorded)}</p>`}
<dl class="facts">
<div><dt>SKU</dt><dd>${product.sku}</dd></div>
<div><dt>Category</dt><dd>${product.category}</dd></div>
<div><dt>Unit price</dt><dd>${price(product.unit_price_cents)}</dd></div>
<div><dt>On hand</dt><dd id="on-hand">${product.on_hand} ${product.low ? LOW : null}</dd></div>
<div><dt>Reorder level</dt><dd>${product.reorder_level}</dd></div>
</dl>
<div class="columns">
<section aria-labelledby="history"><h2 id="history">Latest movements</h2>
${movements.length === 0 ? markup`<p class="empty">None yet.</p>` : movementTable(movements, false)}</section>
<section aria-labelledby="record"><h2 id="record">Record a movement</h2>
${form.message === undefined ? null : markup`<p class="problem" role="alert">${form.message}</p>`}
${movementForm(product.sku, form.key)}</section>
</div>`;
}

export function errorPage(status: number, message: string): Markup {
  return markup`<h1>${status === 404 ? 'Not found' : 'That did not work'}</h1>
<p>${message}</p>
<p><a href="/">Back to the stock list</a></p>`;
}

const LOW = new Markup('<span class="tag low">low</span>');

function productTable(products: readonly Product[]): Markup {
  return markup`<div class="scroll"><table>
<thead><tr><th scope="col">SKU</th><th scope="col">Product</th><th scope="col">Category</th><th scope="col" class="number">Price</th><th scope="col" class="number">On hand</th><th scope="col" class="number">Reorder at</th></tr></thead>
<tbody>${products.map(
    (product) => markup`
<tr><td class="code">${product.sku}</td><th scope="row"><a href="/products/${product.sku}">${product.name}</a> ${product.low ? LOW : null}</th><td>${product.category}</td><td class="number">${price(product.unit_price_cents)}</td><td class="number">${product.on_hand}</td><td class="number">${product.reorder_level}</td></tr>`,
  )}
</tbody></table></div>`;
}

function movementTable(movements: readonly Movement[], withProduct: boolean): Markup {
  return markup`<div class="scroll"><table>
<thead><tr><th scope="col">Recorded</th>${withProduct ? markup`<th scope="col">Product</th>` : null}<th scope="col">Kind</th><th scope="col" class="number">Quantity</th><th scope="col">State</th><th scope="col">Note</th></tr></thead>
<tbody>${movements.map(
    (movement) => markup`
<tr><td>${moment(movement.recorded_at)}</td>${withProduct ? markup`<td class="code"><a href="/products/${movement.sku}">${movement.sku}</a></td>` : null}<td>${movement.kind}</td><td class="number">${signed(movement.quantity)}</td><td><span class="tag ${movement.state}">${movement.state}</span>${movement.reason === null ? null : ` ${movement.reason}`}</td><td>${movement.note}</td></tr>`,
  )}
</tbody></table></div>`;
}

function movementForm(sku: string, key: string): Markup {
  return markup`<form class="movement" method="post" action="/movements">
<input type="hidden" name="key" value="${key}"><input type="hidden" name="sku" value="${sku}">
<label for="kind">Kind</label>
<select id="kind" name="kind">${KINDS.map((kind) => markup`<option value="${kind}">${kind}</option>`)}</select>
<label for="quantity">Quantity</label>
<input type="number" id="quantity" name="quantity" required min="${-MAX_QUANTITY}" max="${MAX_QUANTITY}" step="1" aria-describedby="quantity-hint">
<p class="hint" id="quantity-hint">Units. Only a correction may be negative.</p>
<label for="note">Note <span class="hint">(optional)</span></label>
<input type="text" id="note" name="note" maxlength="200">
<button type="submit">Record movement</button>
</form>`;
}

function pager(total: number, { page, perPage }: Paging, target: (page: number) => string): Markup | null {
  const pages = Math.ceil(total / perPage);
  if (pages <= 1) return null;
  return markup`<nav class="pager" aria-label="Pages">
${page > 1 ? markup`<a rel="prev" href="${target(page - 1)}">Previous</a>` : null}
<span>Page ${page} of ${pages}</span>
${page < pages ? markup`<a rel="next" href="${target(page + 1)}">Next</a>` : null}
</nav>`;
}

function recordedText(movement: Movement): string {
  const what = `${movement.kind} of ${Math.abs(movement.quantity)}`;
  if (movement.state === 'queued') return `Recorded: ${what}. It will be applied in a moment.`;
  if (movement.state === 'applied') return `Recorded and applied: ${what}.`;
  return `Rejected: ${what} (${movement.reason ?? ''}).`;
}

function count(total: number, noun: string): string {
  return `${total.toLocaleString('en')} ${noun}${total === 1 ? '' : 's'}`;
}

function price(cents: number): string {
  return `€${(cents / 100).toFixed(2)}`;
}

function signed(quantity: number): string {
  return quantity > 0 ? `+${quantity}` : `−${-quantity}`;
}

function moment(time: Date): Markup {
  const iso = time.toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')}</time>`;
}
