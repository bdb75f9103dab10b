// Words of a sentence, and words of its pieces.

const WORD = /[\p{L}\p{M}\p{N}](?:['’-]?[\p{L}\p{M}\p{N}])*/gu;
const LETTER = /[\p{L}\p{M}\p{N}]/u;

// What could be replaced.
export const replaceable = (sentence) => sentence.match(WORD) ?? [];

// The sentence with other words in it: `instead` holds pairs of a word's number and a text.
export function replaced(sentence, instead) {
  const texts = new Map(instead);
  let number = -1;
  return sentence.replace(WORD, (word) => {
    number += 1;
    return texts.get(number) ?? word;
  });
}

// The words that pieces make up, each as the places of its pieces. A mark that hangs on a word is a
// word of its own: attend.translator.alignment.word_numbers.
export function wordsOf(pieces) {
  const words = [];
  pieces.forEach((piece, i) => {
    const begins = i === 0 || piece.startsWith("▁") || isMark(piece) !== isMark(pieces[i - 1]);
    if (begins) words.push([i]);
    else words.at(-1).push(i);
  });
  return words;
}

function isMark(piece) {
  const text = piece.replace(/^▁/, "");
  return text !== "" && !LETTER.test(text);
}
