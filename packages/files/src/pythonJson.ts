/** JSON as Python writes it: it has words for numbers that JSON has none for. */

/** Texts, so that they are passed over, and Python's words. */
const TEXT_OR_WORD = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|-?\bInfinity\b|\bNaN\b/g;

/** JSON with null in place of Python's NaN and Infinity. */
export const withoutPythonWords = (json: string): string =>
  json.replace(TEXT_OR_WORD, (found) => (found.startsWith('"') ? found : 'null'));
