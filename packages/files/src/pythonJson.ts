/** JSON as Python writes it: it has words for numbers that JSON has none for. */

/** What stands for itself in a text, where texts begin and end, and Python's words. */
const ESCAPED_QUOTE_OR_WORD = /\\[\s\S]|"|-?\bInfinity\b|\bNaN\b/g;

/** JSON with null in place of Python's NaN and Infinity. */
export function withoutPythonWords(json: string): string {
  let isInText = false;
  return json.replace(ESCAPED_QUOTE_OR_WORD, (found) => {
    if (found === '"') isInText = !isInText;
    return isInText || !/[Ny]$/.test(found) ? found : 'null';
  });
}
