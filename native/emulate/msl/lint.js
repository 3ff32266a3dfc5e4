// Rules for what Clang's C++ for OpenCL accepts but Metal rejects, and for what goes wrong only on
// a GPU. They check the preprocessed text of a shader and the LLVM IR that Clang generates. (Clang
// itself rejects C++17.)

const { ShaderError, placeOf } = require('./rewrite')

/**
 * Each rule: the pattern, the message, and the options under which it applies (default: always).
 */
const rules = [
  {
    // Not in Metal before 3.2. A closure could hold pointers into any address space.
    find: /(?<!operator\s*)\[\s*[=&]?[\w\s,&=]*\]\s*\([^()]*\)\s*(?:mutable\s*)?(?:->\s*[\w:<>]+\s*)?\{/g,
    say: () => 'lambda expressions are not in Metal before 3.2',
  },
  {
    // Metal reads these as floats. The host, or another compiler, would compute the same text in
    // double.
    find: /(?<![\w.])(?:(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)(?![\w.])/g,
    say: ([number]) => `${number} is a double in C++: write ${number}f, or h for a half`,
  },
  {
    // With fast math the compiler may assume that there are none.
    find: /\b(?:INFINITY|NAN|HUGE_VALF|infinity|quiet_NaN|isnan|isinf|isfinite|isnormal)\b/g,
    say: ([name]) => `${name} means nothing with fast math`,
    when: ({ fast }) => fast,
  },
]

/** Throws for the first rule that the preprocessed text breaks. */
function lintText(source, options) {
  const text = source.replace(/"(?:\\.|[^"\\\n])*"/g, (s) => `"${' '.repeat(s.length - 2)}"`)
  for (const rule of rules) {
    if (rule.when && !rule.when(options)) continue
    for (const found of text.matchAll(rule.find)) {
      if (/^#.*$/.test(text.slice(text.lastIndexOf('\n', found.index) + 1, found.index + 1))) continue
      throw new ShaderError(`${placeOf(source, found.index)}: error: ${rule.say(found)}`)
    }
  }
}

const readable = (name) =>
  name.replace(/^"?_ZN?(\d+)(.*)$/, (_, length, rest) => rest.slice(0, Number(length)))

/**
 * Reads unoptimized IR. Throws for recursion, for a kernel that is called, and for constants that
 * code initializes. Returns further lines of the kernel table: "needs KERNEL CONSTANT" for each
 * function constant that a kernel reaches, and "threadgroup KERNEL BYTES".
 */
function lintIr(ir, kernels) {
  const calls = new Map() // function → functions it calls, with repeats
  const constants = new Map() // function → function constants
  const optional = new Set() // function constants tested by is_function_constant_defined
  const bytes = new Map() // instance of msl_tg → bytes of its variable
  let name = null
  for (const line of ir.split('\n')) {
    const definition = /^define .*?@("[^"]+"|[\w.$]+)\(/.exec(line)
    if (definition) {
      name = definition[1]
      calls.set(name, [])
      constants.set(name, new Set())
    } else if (line === '}') name = null
    if (name?.startsWith('__cxx_global_var_init')) {
      throw new ShaderError('error: a constant is initialized by code, not by a constant expression')
    }
    if (!name || definition) continue
    const call = /\b(?:call|invoke)\b.*?@("[^"]+"|[\w.$]+)\(/.exec(line)
    if (call) calls.get(name).push(call[1])
    if (call?.[1] === 'msl_tg_var') bytes.set(name, Number(/i64 noundef (\d+)/.exec(line)[1]))
    for (const used of line.matchAll(/@(?:"\\01)?msl_fc_(\w+)/g)) constants.get(name).add(used[1])
    for (const asked of line.matchAll(/@(?:"\\01)?msl_fcdef_(\w+)/g)) optional.add(asked[1])
  }

  const state = new Map()
  const visit = (at, path) => {
    if (state.get(at) === 'open') {
      const circle = [...path.slice(path.indexOf(at)), at].map(readable)
      throw new ShaderError(`error: recursion: ${circle.join(' -> ')}`)
    }
    if (state.has(at) || !calls.has(at)) return
    state.set(at, 'open')
    for (const callee of calls.get(at)) visit(callee, [...path, at])
    state.set(at, 'done')
  }
  for (const at of calls.keys()) visit(at, [])

  for (const [caller, callees] of calls) {
    for (const kernel of kernels) {
      const called = callees.some((callee) =>
        callee.replace('"', '').startsWith(`_Z${kernel.length}${kernel}`),
      )
      if (called && !caller.includes(`msl_call_${kernel}`)) {
        throw new ShaderError(`error: ${readable(caller)} calls the kernel ${kernel}`)
      }
    }
  }

  const lines = []
  for (const at of calls.keys()) {
    const kernel = /^msl_entry_(\w+)$/.exec(at)?.[1]
    if (!kernel) continue
    const seen = new Set()
    const needed = new Set()
    let threadgroup = 0
    const walk = (from) => {
      if (seen.has(from) || !calls.has(from)) return
      seen.add(from)
      for (const constant of constants.get(from)) needed.add(constant)
      for (const callee of calls.get(from)) {
        threadgroup += Math.ceil((bytes.get(callee) ?? 0) / 16) * 16
        walk(callee)
      }
    }
    walk(at)
    for (const constant of needed) if (!optional.has(constant)) lines.push(`needs ${kernel} ${constant}`)
    if (threadgroup) lines.push(`threadgroup ${kernel} ${threadgroup}`)
  }
  return lines.length ? `${lines.join('\n')}\n` : ''
}

module.exports = { lintText, lintIr, rules }
