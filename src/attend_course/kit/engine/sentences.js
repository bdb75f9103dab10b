// What a reader types, made ready for the translator as attend/translator/translator.py does it:
// written in one way, refused in words where it cannot be read, and cut into sentences.
import { split } from "./splitting.js";
import { SPACE } from "./tokenizer.js";

export const LONGEST = 100; // pieces of a sentence, as in attend

const TYPOGRAPHIC = [
  [/[’‘‛‚ʼ´`]/g, "'"], [/[“”„‟«»]/g, '"'], [/—/g, "–"], [/…/g, "..."], [/[\u00ad\u200b\ufeff]/g, ""],
];
const SPACES = new RegExp(`${SPACE}+`, "u");
// Write the same sentence the same way: attend.text.corpus.normalize.
export function normalize(text) {
  let plain = text.normalize("NFC");
  for (const [old, to] of TYPOGRAPHIC) plain = plain.replace(old, to);
  return plain.normalize("NFC").split(SPACES).filter(Boolean).join(" ");
}

// The sentences of a text, each with its tokens: [{ text, source }].
export function sentences(text, tokenizer) {
  const plain = normalize(text);
  if (!plain) throw new RangeError("There is nothing to translate. Type an English sentence.");
  checkScript(plain, tokenizer.characters);
  return split(plain).map(inSmallLetters).map((sentence) => {
    const source = tokenizer.encode(sentence);
    if (source.length > LONGEST) {
      throw new RangeError(`A sentence has ${source.length} pieces, and ${LONGEST} are the most that can be `
        + `translated. Cut it into shorter sentences. It begins: ${sentence.slice(0, 60)}…`);
    }
    return { text: sentence, source };
  });
}

// A sentence all in capitals is read small: attend.text.sentences.in_small_letters.
function inSmallLetters(sentence) {
  const letters = sentence.match(/\p{L}/gu) ?? [];
  const shouted = letters.length > 1 && letters.every((letter) => /\p{Lu}/u.test(letter));
  return shouted ? sentence.toLowerCase() : sentence;
}

function checkScript(text, known) {
  const letters = text.match(/\p{L}/gu) ?? [];
  if (letters.filter((letter) => known.has(letter)).length < letters.length / 2) {
    throw new RangeError("This translator has learned English in Latin letters. Most letters of the text "
      + `are unknown to it: ${letters.slice(0, 20).join("")}`);
  }
}
