// Errors as data, and the wording of each surface (library or command line).

export { type ErrorCode, errorCodes } from './codes'
export { beforeDiverged, diverged } from './diverged'
export { type Details, NanoGptError } from './error'
export { api, call, inlineText, listed, option, Phrase, type Surface, say, wordsOf } from './phrase'
export { printable, reasonOf, show } from './show'
export { suggest } from './suggest'
