// What a reader types, as words and numbers.
export const wordsOf = (text) => text.split(/[\s\u001c-\u001f\u0085]+/u).filter(Boolean);

const LONGEST_WORD = 100;

// The words a reader typed, at most `limit`, and what to say about the rest.
export function readTokens(text, limit) {
  const words = wordsOf(text);
  if (words.length === 0) throw new Error("Type at least one word. The last sentence stays.");
  const shorten = (word) => Array.from(word).slice(0, LONGEST_WORD).join("");
  const kept = words.slice(0, limit).map(shorten);
  const few = words.length > limit ? `The first ${limit} of ${words.length} words are used. ` : "";
  const short = words.some((word, i) => i < limit && word !== kept[i]);
  return [kept, few + (short ? `Words end after ${LONGEST_WORD} characters.` : "")];
}

const GROUPED = /^[+-]?[1-9]\d{0,2}(?:([,\s'’])\d{3})(?:\1\d{3})*(?:\.\d*)?$/;

// A number as this course writes it, or as a reader may: −1,000,000 and 1.5, but also 1,5 and
// 1.0e5. A comma before three figures at the end parts thousands. NaN for anything else.
export function numberOf(text) {
  const plain = text.trim().replace(/−/g, "-");
  if (GROUPED.test(plain)) return Number(plain.replace(/[,\s'’]/g, ""));
  return plain === "" ? NaN : Number(plain.replace(",", "."));
}

// Several numbers, with or without brackets: parted by blanks, semicolons, or a comma and a blank;
// by bare commas where no blank is.
export function numbersOf(text) {
  const plain = text.trim().replace(/^\(|\)$/g, "").trim();
  const parts = /[;\s]/.test(plain) ? plain.split(/\s*;\s*|,?\s+/) : plain.split(",");
  return parts.filter(Boolean).map(numberOf);
}
