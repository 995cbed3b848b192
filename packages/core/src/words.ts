/** Words of messages: a number with its noun, and names of which there may be many. */

/** "1 case", "2 cases". */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const MOST_NAMES = 5;

/** "a, b, c", and from the sixth name on how many more there are. */
export function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more` : names.join(', ');
}
