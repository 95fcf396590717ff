// How text that a user wrote goes through a chat template without ever becoming a control token (specs/exact-1.md §12.5).
//
// The template is a program over strings, so the origin of a character must travel inside the string: a noncharacter stands behind those user
// characters that a control token could contain. After rendering it is taken out again, and its positions go to the tokenizer.
import type { SpecialToken } from './special-tokens.ts';

/** Stands behind a character that a user wrote. A noncharacter (Unicode §23.7): no text is meant to hold it. */
const MARK = '\uFDD0';
/** Escapes the two noncharacters where a user's text does hold them. */
const ESCAPE = '\uFDD1';
const ESCAPED = new Map([
  [MARK, `${ESCAPE}0`],
  [ESCAPE, `${ESCAPE}1`],
]);
const UNESCAPED = new Map([...ESCAPED].map(([character, escaped]) => [escaped.charAt(1), character]));

/** True when `text` holds a character that only this module may write. */
export function holdsMarks(text: string): boolean {
  return text.includes(MARK) || text.includes(ESCAPE);
}

/** UTF-16 length of the character at `position`. */
function characterLength(text: string, position: number): number {
  return (text.codePointAt(position) ?? 0) > 0xffff ? 2 : 1;
}

/** Positions behind the characters of `content` that need a mark, ascending. */
function markedEnds(content: string, controls: readonly SpecialToken[]): number[] {
  const ends = new Set<number>();
  const markAt = (start: number): void => {
    ends.add(start + characterLength(content, start));
  };
  const body = content.trim();
  const first = content.indexOf(body);
  const last = first + body.length;
  const lastCharacter = last - (/[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(body) ? 2 : 1);
  for (const { spelling } of controls) {
    // A whole spelling inside of the content.
    for (let at = content.indexOf(spelling); at >= 0; at = content.indexOf(spelling, at + 1)) markAt(at);
    if (body === '') continue;
    // The beginning of one at the end of the content, the end of one at its beginning, or its middle: the template might complete it.
    if (overlaps(body, spelling)) markAt(lastCharacter);
    if (overlaps(spelling, body)) markAt(first);
    if (spelling.includes(body)) markAt(first);
  }
  return [...ends].sort((left, right) => left - right);
}

/** True when some non-empty end of `left`, shorter than `right`, is the beginning of `right`. */
function overlaps(left: string, right: string): boolean {
  for (let length = Math.min(left.length, right.length - 1); length > 0; length -= 1) {
    if (left.endsWith(right.slice(0, length))) return true;
  }
  return false;
}

/** `content` with marks, ready for a template. */
export function markUserText(content: string, controls: readonly SpecialToken[]): string {
  const ends = markedEnds(content, controls);
  let marked = '';
  let position = 0;
  for (const end of [...ends, content.length]) {
    const part = content
      .slice(position, end)
      .replaceAll(/[\uFDD0\uFDD1]/g, (character) => ESCAPED.get(character) ?? '');
    marked += end === content.length && !ends.includes(end) ? part : part + MARK;
    position = end;
  }
  return marked;
}

/** A rendered prompt without marks, and the ascending positions behind the characters that were marked. */
export function unmark(rendered: string): { text: string; userEnds: number[] } {
  let text = '';
  const userEnds: number[] = [];
  for (const part of rendered.split(/(\uFDD0|\uFDD1[01])/)) {
    if (part === MARK) userEnds.push(text.length);
    else text += part.startsWith(ESCAPE) ? (UNESCAPED.get(part.charAt(1)) ?? '') : part;
  }
  return { text, userEnds };
}
