/** The elements of the page, by their ids. */

/** Throws where there is none. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

export const input = (id: string): HTMLInputElement => element<HTMLInputElement>(id);

/** Puts text in place of what an element shows. */
export function show(id: string, text: string): void {
  element(id).textContent = text;
}

export function button(text: string, label: string, onClick: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  made.setAttribute('aria-label', label);
  made.addEventListener('click', onClick);
  return made;
}

/** A cell of a table. */
export function cellOf(content: string | Node): HTMLTableCellElement {
  const cell = document.createElement('td');
  cell.append(content);
  return cell;
}

/** The title of a table's row. */
export function titleOf(...content: (string | Node)[]): HTMLTableCellElement {
  const title = document.createElement('th');
  title.scope = 'row';
  title.append(...content);
  return title;
}

/** Fills a list to choose from. */
export function options(id: string, names: readonly string[]): void {
  element<HTMLSelectElement>(id).replaceChildren(...names.map((name) => new Option(name)));
}

/** Saves a file as a download. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
