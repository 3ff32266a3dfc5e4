/** Each generated file: its path, its current text and its expected text. */
export function generated(tables: object): { path: string; wanted: string; found: string }[]
