export { type Calibrated, calibrated, calibratedCut, LARGEST_RATIO } from './calibrated.ts';
export { cutText, type TextCut } from './cut-text.ts';
export { hasLongRun, isQuicklyCounted } from './long-run.ts';
export { packVocabulary, unpackVocabulary } from './pack.ts';
export { partsOf } from './pairs.ts';
export { type Tokenizer, tokenizerOf } from './tokenizer.ts';
export { type AddedToken, byteTokenName, type Split, type Vocabulary } from './vocabulary.ts';
