// Characters that the text formats refuse.

/** True when `text` holds a character below U+0020 that is not in `allowed`. */
export function hasControlCharacters(text: string, allowed: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) < 0x20 && !allowed.includes(text.charAt(index))) return true;
  }
  return false;
}

/** True when `text` has no UTF-8 form, because it holds one half of a surrogate pair. */
export function hasLoneSurrogates(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}
