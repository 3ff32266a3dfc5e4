// Calls that follow the user's input.

/**
 * A function that asks for one value at a time. Of the values that are given meanwhile, only the newest is
 * asked for next. `ask` handles its errors.
 */
export function newestOnly(ask) {
  let waiting
  let isAsking = false
  return async (value) => {
    waiting = [value]
    if (isAsking) return
    isAsking = true
    while (waiting) {
      const [next] = waiting
      waiting = undefined
      await ask(next)
    }
    isAsking = false
  }
}
