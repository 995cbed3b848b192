/** Laying WGSL out, so that a person can read what a kernel's pieces add up to. */

/**
 * The same code with one statement a line, two spaces for each open brace, and two more where a statement goes on. Of
 * neighbouring empty lines one is kept.
 */
export function indent(code: string): string {
  const lines: string[] = [];
  let braces = 0;
  let parentheses = 0;
  let goesOn = false;
  for (const line of code.split('\n')) {
    const [text, comment] = apart(line.trim(), '//');
    const pieces = statements(text, parentheses);
    if (comment) pieces.push(`${pieces.pop() ?? ''} ${comment}`.trim());
    // A line of spaces is where a template had nothing to fill in.
    if (line === '' && lines.length > 0 && !/^$|{$/.test(lines.at(-1)!)) lines.push('');
    for (const piece of pieces) {
      const [words] = apart(piece, '//');
      const closes = words.startsWith('}') ? 1 : 0;
      lines.push(`${'  '.repeat(braces - closes + (goesOn && !closes ? 1 : 0))}${piece}`);
      braces += count(words, '{') - count(words, '}');
      parentheses += count(words, '(') - count(words, ')');
      if (words) goesOn = parentheses > 0 || !/[;{},]$|^@[^{]*\)$/.test(words.trimEnd());
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** A line cut behind statements, members of structs, and the begins and ends of blocks; `else` stays where it is. */
function statements(text: string, openParentheses: number): string[] {
  const pieces: string[] = [];
  let parentheses = openParentheses;
  let piece = '';
  const end = () => {
    if (piece.trim()) pieces.push(piece.trim());
    piece = '';
  };
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    const rest = text.slice(i + 1);
    if (letter === '(') parentheses++;
    if (letter === ')') parentheses--;
    if (letter === '}') end();
    piece += letter;
    const ends =
      letter === '{' ||
      (letter === '}' && !/^\s*(else\b|;)/.test(rest)) ||
      (letter === ';' && parentheses === 0) ||
      (letter === ',' && parentheses === 0 && /^\s*(@|\w+:)/.test(rest));
    if (ends) end();
  }
  end();
  return pieces;
}

/** A text before and from a mark on; all of it and nothing where it has none. */
function apart(text: string, mark: string): [before: string, from: string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at).trimEnd(), text.slice(at)];
}

const count = (text: string, letter: string): number => text.split(letter).length - 1;
