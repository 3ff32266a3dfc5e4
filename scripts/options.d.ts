/** Each generated file: its path, its text, and what it should be. */
export function generated(tables: object): { path: string; wanted: string; found: string }[]
