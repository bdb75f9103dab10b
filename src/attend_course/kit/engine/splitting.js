// Where one sentence ends and the next begins: attend/text/sentences.py says why, and gives the rules.
const listed = (words) => new Set(words.split(" "));

export const ABBREVIATIONS = listed(
  "mr mrs ms mx messrs dr prof rev hon fr sr jr gen col maj capt cmdr lt sgt adm gov sen rep " +
  "pres supt insp det rt st mt ft vs inc ltd co corp bros dept univ est approx ca cf al ph esq",
);
export const BEFORE_NUMBERS = listed(
  "no nos nr fig figs p pp vol vols ch chap sec eq ex ver op apt ext tel jan feb mar apr jun " +
  "jul aug sep sept oct nov dec",
);
export const STARTERS = listed(
  "i he she it we you they the this that these those there here an my your his her its our " +
  "their what where when why how do does did is are was were can could would please let then " +
  "now today yesterday tomorrow after before but and so if in on as for not yes nobody " +
  "everybody some all both i'm i'll i've i'd he's she's it's that's there's we're you're " +
  "they're let's don't",
);
export const SPEECH = listed("said asked answered replied cried called shouted yelled screamed whispered added");

const GAP = /(?<=[.!?]["')\]]*) +(?=["'(\[]*[\p{Lu}\p{Nd}])/gu;
const FIRST_WORD = /^["'(\[]*(?!I\.)([\p{L}\p{Nd}']+)/u; // "J. I. Miller"
const SPOKE = new RegExp(`^(?:\\p{Lu}[\\p{L}'-]*\\.? )+(?:${[...SPEECH].join("|")})(?!\\p{L})`, "u");

// Cut a normalised text into its sentences.
export function split(text) {
  const found = [];
  let begin = 0;
  for (const { 0: gap, index } of text.matchAll(GAP)) {
    if (ends(text.slice(begin, index), text.slice(index + gap.length))) {
      found.push(text.slice(begin, index));
      begin = index + gap.length;
    }
  }
  return [...found, text.slice(begin)];
}

// Whether a sentence is over at a gap; `rest` is the text behind it.
function ends(sentence, rest) {
  const bare = sentence.replace(/["')\]]+$/, "");
  if (!/\p{L}/u.test(sentence)) return false;
  if (!bare.endsWith(".")) return bare === sentence || !SPOKE.test(rest);
  return !goesOn(bare.slice(0, -1), rest);
}

// Whether the full stop behind `sentence` belongs to its last word alone.
function goesOn(sentence, rest) {
  const [word] = sentence.match(/[^\s"'(\[]*$/);
  const following = rest.match(FIRST_WORD)?.[1].toLowerCase() ?? "";
  if (BEFORE_NUMBERS.has(word.toLowerCase()) && /^\p{Nd}/u.test(following)) return true;
  if (/^[ap]\.m$/i.test(word)) return sentence.split(" ").filter(Boolean).length <= 3;
  return isShort(word, sentence) && !STARTERS.has(following);
}

// Whether a word that ends with a full stop is a shortened one.
function isShort(word, sentence) {
  if (word === "I") return /(?:^|\. )I$/.test(sentence); // not "taller than I. Mary is", but "J. I. Miller"
  return ABBREVIATIONS.has(word.toLowerCase()) || /^(?:\p{Lu}|\p{L}{1,2}(?:\.\p{L}{1,2})+)$/u.test(word);
}
