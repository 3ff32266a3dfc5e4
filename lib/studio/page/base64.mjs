// Numbers as the server sends them: in base64.

/** In a loop, because there can be millions. */
export function bytesOf(base64) {
  const binary = atob(base64)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

/** Float32, little-endian. */
export const floatsOf = (base64) => new Float32Array(bytesOf(base64).buffer)
