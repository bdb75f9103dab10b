// Byte-pair encoding as in attend/text/tokenizer.py: text in, token numbers out, and back.

export const SPECIALS = ["<pad>", "<start>", "<end>"];
const FIRST_BYTE = SPECIALS.length;
const FIRST_CHARACTER = FIRST_BYTE + 256;

// Python's white space; JavaScript's \s leaves some out and has U+FEFF besides.
export const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LETTER = "[\\p{L}\\p{Nl}\\p{No}]";
const WORDS = new RegExp(
  ` ?(?:${LETTER}|(?<=${LETTER})'(?=${LETTER})){1,60}` // letters, apostrophes inside: " don't"
    + "| ?\\p{Nd}"
    + `| ?(?:(?!${SPACE})[^\\p{L}\\p{N}]){1,60}` // punctuation: "?!", ' "'
    + `|${SPACE}`,
  "gu",
);
const LONE_SURROGATE = /[\ud800-\udfff]/u;

export class Tokenizer {
  constructor({ characters, merges }) {
    // Two merges may spell the same piece; it has one number all the same.
    const spelled = [...new Set([...characters, ...merges.map(([a, b]) => a + b)])];
    this.utf8 = new TextEncoder();
    this.characters = new Set(characters);
    this.ids = new Map(spelled.map((piece, i) => [piece, FIRST_CHARACTER + i]));
    this.ranks = new Map(merges.map(([a, b], rank) => [`${a}\n${b}`, rank]));
    this.bytes = [
      ...SPECIALS.map(() => new Uint8Array()),
      ...Array.from({ length: 256 }, (_, value) => Uint8Array.of(value)),
      ...spelled.map((piece) => this.utf8.encode(piece)),
    ];
    // The tokens whose pieces have a letter; single bytes have none.
    this.spoken = [...Array(FIRST_CHARACTER).fill(false), ...spelled.map((piece) => /\p{L}/u.test(piece))];
    this.known = new Map();
  }

  encode(text) {
    const lone = [...text].findIndex((character) => LONE_SURROGATE.test(character));
    if (lone >= 0) throw new RangeError(`there is half a character at position ${lone} of the text`);
    return text ? ` ${text}`.match(WORDS).flatMap((word) => this.encodeWord(word)) : [];
  }

  decode(ids) {
    const content = Uint8Array.from(ids.flatMap((id) => [...this.bytes[id]]));
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(content);
    return text.startsWith(" ") ? text.slice(1) : text;
  }

  // One token as a readable string: a space shows as ▁, a byte as <0xC3>.
  piece(id) {
    if (id < FIRST_BYTE) return SPECIALS[id];
    if (id < FIRST_CHARACTER) return `<0x${(id - FIRST_BYTE).toString(16).toUpperCase().padStart(2, "0")}>`;
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes[id]).replaceAll(" ", "▁");
  }

  encodeWord(word) {
    if (!this.known.has(word)) {
      this.known.set(word, this.mergeWord(word).flatMap((symbol) => this.spell(symbol)));
    }
    return this.known.get(word);
  }

  // Apply the merges to one word, the earliest learned first, until none fits.
  mergeWord(word) {
    const rank = (symbols, i) => this.ranks.get(`${symbols[i]}\n${symbols[i + 1]}`) ?? Infinity;
    for (let symbols = [...word]; ;) {
      let best = 0;
      for (let i = 1; i + 1 < symbols.length; i += 1) {
        if (rank(symbols, i) < rank(symbols, best)) best = i;
      }
      if (rank(symbols, best) === Infinity) return symbols;
      symbols = merge(symbols, symbols[best], symbols[best + 1]);
    }
  }

  // The number of a piece, or those of its bytes where it has no token.
  spell(symbol) {
    const id = this.ids.get(symbol);
    return id === undefined ? Array.from(this.utf8.encode(symbol), (byte) => FIRST_BYTE + byte) : [id];
  }
}

// Glue every occurrence of a pair of neighbours, from left to right.
function merge(symbols, a, b) {
  const merged = [];
  for (let i = 0; i < symbols.length; i += 1) {
    const fits = symbols[i] === a && symbols[i + 1] === b;
    merged.push(fits ? a + b : symbols[i]);
    if (fits) i += 1;
  }
  return merged;
}
