/** The list of the models that are kept in the browser. */
import type { KeptModel } from '../protocol.ts';
import { button, element } from './dom.ts';
import { inMb } from './words.ts';

/** Lists what is kept; `open` and `remove` are told the name of the model whose button was pressed. */
export function listKept(
  kept: readonly KeptModel[],
  open: (name: string) => void,
  remove: (name: string) => void,
): void {
  element('kept').hidden = kept.length === 0;
  element('kept-list').replaceChildren(
    ...kept.map(({ name, bytes }) => {
      const item = document.createElement('li');
      const title = document.createElement('span');
      title.textContent = `${name}, ${inMb(bytes)}`;
      item.append(
        title,
        button('Open', `Open ${name}`, () => open(name)),
        button('Delete', `Delete ${name}`, () => remove(name)),
      );
      return item;
    }),
  );
}
