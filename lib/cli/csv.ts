// Comma-separated values (RFC 4180), for spreadsheets.

/** A row. null and undefined are empty cells. */
export function csvRow(values: readonly unknown[]): string {
  return values.map(cell).join(',')
}

function cell(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value)
  // A spreadsheet would compute a text that begins like a formula.
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
