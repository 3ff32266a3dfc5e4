// Rewrites preprocessed Metal into C++ for OpenCL: kernels and their arguments, function constants,
// threadgroup variables, vector constructors. Line numbers stay the same, so that messages name the
// right lines.

/** An error in a shader. */
class ShaderError extends Error {}

/**
 * Kernel arguments that the system fills in: 3 = a position or size in three dimensions, 1 = always
 * a scalar.
 */
const builtins = {
  thread_position_in_grid: 3,
  thread_position_in_threadgroup: 3,
  threadgroup_position_in_grid: 3,
  threads_per_threadgroup: 3,
  dispatch_threads_per_threadgroup: 3,
  threadgroups_per_grid: 3,
  threads_per_grid: 3,
  thread_index_in_threadgroup: 1,
  thread_index_in_simdgroup: 1,
  simdgroup_index_in_threadgroup: 1,
  simdgroups_per_threadgroup: 1,
  threads_per_simdgroup: 1,
}

const pairs = { '(': ')', '{': '}', '<': '>', '[': ']' }

/** The offset after the bracket that closes the one at `open`. */
function closing(text, open) {
  const opens = text[open]
  for (let i = open, depth = 0; i < text.length; i++) {
    if (text[i] === '"') {
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
    } else if (text[i] === opens) depth++
    else if (text[i] === pairs[opens] && --depth === 0) return i + 1
  }
  throw new ShaderError(`error: unbalanced ${opens}`)
}

/** Splits at commas that are outside every bracket. */
function splitArguments(text) {
  const parts = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if ('(<[{'.includes(text[i])) depth++
    else if (')>]}'.includes(text[i])) depth--
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  if (text.slice(start).trim()) parts.push(text.slice(start))
  return parts
}

/** Removes everything but the line breaks. */
const keepLines = (text) => text.replace(/[^\n]/g, '')

/** "file:line" of an offset, from the line markers of clang -E. */
function placeOf(source, offset) {
  let file = '?'
  let line = 0
  for (const text of source.slice(0, offset).split('\n')) {
    const marker = /^# (\d+) "([^"]*)"/.exec(text)
    if (marker) {
      line = Number(marker[1]) - 1
      file = marker[2]
    } else line++
  }
  return `${file}:${line}`
}

const structs = /(?<!\benum\s+)\b(?:struct|class|union)\s+(\w+)\s*(?:<[^;{}()]*>)?\s*(?::[^{;()]*)?\{/g

const namesOfTemplate = (head) =>
  splitArguments(head)
    .map((parameter) => /(\w+)\s*(=.*)?$/s.exec(parameter.trim())[1])
    .join(', ')

/**
 * A member function without an address space applies to `thread` objects in Metal. When the kernel
 * runs, clang makes its `this` generic, and members can then no longer be passed to `thread T&`. So
 * each such function becomes two: f() forwards to msl_f_N(), which is declared __private and has
 * the body. (Temporaries are in no named space and need the generic f.)
 */
function splitMethods(text) {
  const edits = [] // [offset, characters removed, replacement]
  for (const found of text.matchAll(structs)) {
    const open = found.index + found[0].length - 1
    const end = closing(text, open) - 1
    for (let i = open + 1, start = i; i < end; i++) {
      if (text[i] === '(') {
        i = closing(text, i) - 1
        continue
      }
      if (text[i] === ';') start = i + 1
      if (text[i] !== '{') continue
      const head = text.slice(start, i)
      const body = i
      const method = /(operator\s*\(\s*\)|operator\s*[^\s\w(]+|\b\w+)\s*(\([\s\S]*\))\s*(const\s*)?$/.exec(
        head,
      )
      i = closing(text, i) - 1
      const parameters =
        method &&
        splitArguments(method[2].slice(1, -1)).map(
          (p) =>
            (/\(\s*[&*]\s*(\w+)\s*\)/.exec(p) ??
              /(\w+)\s*(?:\[[^\]]*\]\s*)*(?:=[\s\S]*)?$/.exec(p.trim()))?.[1],
        )
      if (
        method &&
        method[1] !== found[1] &&
        !/^operator\s*=$/.test(method[1]) &&
        !/\b(static|friend|struct|class|union|enum)\b/.test(head) &&
        parameters.every(Boolean)
      ) {
        const name = `msl_f_${edits.length}`
        const template = /^\s*template\s*<([\s\S]*?)>\s*[\w(]/.exec(head)
        const of = template ? `<${namesOfTemplate(template[1])}>` : ''
        const flat = head.replace(/^#.*$/gm, '').replace(/\s+/g, ' ')
        const self = `((${method[3] ?? ''}__private ${found[1]}*)(ulong)this)`
        const call = `${self}->${template ? 'template ' : ''}${name}${of}(${parameters.join(', ')})`
        edits.push([start, 0, `${flat}{ return ${call}; } `])
        edits.push([start + method.index, method[1].length, name], [body, 0, '__private '])
      }
      start = i + 1
    }
  }
  for (const [at, removed, replacement] of edits.sort((x, y) => y[0] - x[0])) {
    text = text.slice(0, at) + replacement + text.slice(at + removed)
  }
  return text
}

// Searched in a shader's text: function constants, instantiated kernel templates, kernels.
const attribute = String.raw`(?:\[\[[^\]]*\]\]\s*)*`
const kernelWord = String.raw`(?:\bkernel\b|\[\[\s*kernel\s*\]\])`
const items = new RegExp(
  [
    String.raw`(?<constant>\bconstant\s+(?:const\s+)?(?<constantType>\w+)\s+(?<constantName>\w+)\s*` +
      String.raw`\[\[\s*function_constant\(\s*(?<constantIndex>\d+)\s*\)\s*\]\]\s*;)`,
    String.raw`(?<instance>\btemplate\s*\[\[\s*host_name\(\s*(?<host>(?:"[^"]*"\s*)+)\)\s*\]\]\s*` +
      String.raw`${kernelWord}\s+(?:decltype\s*\(|void\s+)(?<of>\w+)\s*<)`,
    String.raw`(?<kernel>(?<template>\btemplate\s*<[^{};]*?>\s*)?(?<before>${attribute})` +
      String.raw`${kernelWord}\s*(?<after>${attribute})void\s+(?<name>\w+)\s*\()`,
  ].join('|'),
  'g',
)
const threadgroupVariables =
  /\bthreadgroup\s+((?:[\w:]|<[^;{}()=]*?>|\s)+?)\s+(\w+\s*(?:\[[^\]]*\]\s*)*(?:,\s*\w+\s*(?:\[[^\]]*\]\s*)*)*);/g

const memberType =
  /^\s*(?:(?:const|device|constant|threadgroup|thread)\s+)*(\w+)\s*([*&]?)\s*\w+\s*(?:\[|,|$)/

/** Structs that contain bools or pointers and so must not be in a buffer: name → the member. */
function structsForNoBuffer(text) {
  const bad = new Map()
  for (const found of text.matchAll(structs)) {
    const open = found.index + found[0].length - 1
    let body = text.slice(open + 1, closing(text, open) - 1).replace(/^#.*$/gm, '')
    while (/[({][^(){}]*[)}]/.test(body))
      body = body.replace(/\([^(){}]*\)|\{[^(){}]*\}/g, (s) => `;${keepLines(s)}`)
    for (const member of body.split(';')) {
      const type = memberType.exec(member)
      if (type && (type[1] === 'bool' || type[2] || bad.has(type[1]))) bad.set(found[1], member.trim())
    }
  }
  return bad
}

/**
 * Rewrites a preprocessed shader. Returns the code to run, the code to validate strictly, and the
 * text of the kernel table: lines "kernel NAME", "arg KIND INDEX SPACE read|write CONSTANT|-" for
 * that kernel, "constant NAME INDEX TYPE".
 */
function rewrite(preprocessed) {
  const source = preprocessed
    // OpenCL keywords that are ordinary names in Metal
    .replace(
      /\b(?:local|global|generic|pipe|read_only|write_only|read_write|event_t|sampler_t|vec_step)\b/g,
      'msl_$&',
    )
    .replace(/^#pragma METAL fp contract/gm, '#pragma clang fp contract')
  const fail = (offset, message) => {
    throw new ShaderError(`${placeOf(source, offset)}: error: ${message}`)
  }
  const constants = []
  const kernels = new Map()
  const table = []
  const forNoBuffer = structsForNoBuffer(source)
  let slot = 0

  /** The expression that fetches one kernel parameter. */
  function fetch(text, offset, used) {
    const parts = /^([\s\S]*?)(\w+)\s*\[\[([\s\S]*)\]\]\s*$/.exec(text)
    if (!parts) fail(offset, `kernel argument '${text.trim()}' has no [[attribute]]`)
    const type = parts[1].trim()
    const attributes = splitArguments(parts[3]).map((s) => s.trim())
    const condition = attributes.map((a) => /^function_constant\(\s*(\w+)\s*\)$/.exec(a)).find(Boolean)?.[1]
    for (const attribute of attributes) {
      const slotted = /^(buffer|threadgroup)\(\s*(\d+)\s*\)$/.exec(attribute)
      if (slotted) {
        const [, kind, index] = slotted
        const pointer = /^(.*?)\s*([*&])\s*(const)?$/s.exec(type)
        if (Number(index) > 30) fail(offset, `${attribute}: indices end at 30`)
        if (used.has(kind + index)) fail(offset, `${attribute} is used twice`)
        used.add(kind + index)
        if (!pointer || /[*&]/.test(pointer[1])) {
          fail(offset, `a [[${kind}]] argument must be a pointer or reference`)
        }
        const space = /\b(device|constant|threadgroup|thread)\b/.exec(type)?.[1]
        if (kind === 'buffer' ? space !== 'device' && space !== 'constant' : space !== 'threadgroup') {
          fail(offset, `a [[${kind}]] argument in address space '${space ?? 'none'}'`)
        }
        const element = pointer[1].replace(/\b(?:device|constant|threadgroup|const|volatile)\b/g, '').trim()
        if (element === 'bool' || forNoBuffer.has(element)) {
          const what =
            element === 'bool' ? 'bool' : `${element}, which has the member '${forNoBuffer.get(element)}'`
          if (kind === 'buffer') fail(offset, `a buffer of ${what}: bools and pointers are not for buffers`)
        }
        const access = /\bconst\b/.test(pointer[1]) || space === 'constant' ? 'read' : 'write'
        used.lines.push(`arg ${kind} ${index} ${space} ${access} ${condition ?? '-'}`)
        const argument = `(${pointer[1]}*)msl_arg_${kind}(${index})`
        if (pointer[2] === '&') return `*(${argument})`
        return condition ? `(${condition} ? ${argument} : (${pointer[1]}*)0)` : argument
      }
      if (attribute in builtins) {
        const plain = type.replace(/\bconst\b/, '').trim()
        const shape = /^(?:uint|ushort)([23]?)$/.exec(plain)
        if (!shape) fail(offset, `[[${attribute}]] must be a uint or ushort, scalar or vector`)
        const dimensions = Number(shape[1] || 1)
        const positional = builtins[attribute] === 3
        if (!positional && dimensions !== 1) fail(offset, `[[${attribute}]] must be a scalar`)
        if (positional) {
          if (used.dimensions && used.dimensions !== dimensions) {
            fail(offset, 'positions and sizes of one kernel must agree in dimensions')
          }
          used.dimensions = dimensions
        }
        const field = `msl_get_context()->${attribute}`
        return `msl_position<${plain}>::get(${positional ? field : `&${field}`})`
      }
    }
    return fail(offset, `unknown attribute [[${parts[3].trim()}]]`)
  }

  const entry = (name, call, { lines, most }) => {
    table.push(`kernel ${name}`, ...lines)
    return ` extern "C" void msl_entry_${name}() { ${call}(); } extern "C" constant uint msl_max_${name} = ${most};`
  }

  // threadgroup T name[N]; becomes a reference into the emulator's guarded memory.
  const body = (text, offset) =>
    text.replace(threadgroupVariables, (all, type, declarators, at) => {
      let depth = 0
      for (let i = 0; i < at; i++) depth += text[i] === '{' ? 1 : text[i] === '}' ? -1 : 0
      if (depth !== 1) {
        fail(
          offset + at,
          `threadgroup variable '${declarators}' in a nested scope: declare it in the kernel's own`,
        )
      }
      const references = splitArguments(declarators).map((declarator) => {
        const [, name, dimensions] = /^\s*(\w+)\s*([\s\S]*?)\s*$/.exec(declarator)
        return `threadgroup auto& ${name} = msl_tg<${type.trim()}${dimensions}>(${slot++});`
      })
      return references.join(' ') + keepLines(all)
    })

  let out = ''
  let at = 0
  const copyTo = (end) => {
    out += source.slice(at, end)
    at = end
  }
  items.lastIndex = 0
  for (let found = items.exec(source); found; found = items.exec(source)) {
    const g = found.groups
    copyTo(found.index)
    if (g.constant) {
      const { constantType: type, constantName: name } = g
      constants.push(name)
      table.push(`constant ${name} ${g.constantIndex} ${type}`)
      out += `extern "C" { extern constant ${type} ${name} __asm__("msl_fc_${name}"); `
      out += `extern constant uchar ${name}__defined __asm__("msl_fcdef_${name}"); }${keepLines(found[0])}`
      at = items.lastIndex
    } else if (g.instance) {
      const kernel = kernels.get(g.of)
      if (!kernel?.template) fail(found.index, `no kernel template '${g.of}' before this instantiation`)
      const open = items.lastIndex - 1
      const end = closing(source, open)
      const semicolon = source.indexOf(';', end) + 1
      const host = g.host
        .match(/"([^"]*)"/g)
        .map((s) => s.slice(1, -1))
        .join('')
      if (!/^\w+$/.test(host)) fail(found.index, `host_name "${host}" is not a plain identifier`)
      out += entry(host, `msl_call_${g.of}${source.slice(open, end)}`, kernel)
      out += keepLines(source.slice(found.index, semicolon))
      at = items.lastIndex = semicolon
    } else {
      const open = items.lastIndex - 1
      const close = closing(source, open)
      const most = /max_total_threads_per_threadgroup\(([^\]]*)\)/.exec(g.before + g.after)?.[1] ?? '1024'
      const brace = close + /^\s*/.exec(source.slice(close))[0].length
      if (source[brace] !== '{') fail(found.index, `kernel '${g.name}' is declared without a body`)
      const end = closing(source, brace)
      const used = Object.assign(new Set(), { lines: [], dimensions: 0 })
      const parameters = splitArguments(source.slice(open + 1, close - 1))
      const fetched = []
      let offset = open + 1
      for (const parameter of parameters) {
        fetched.push(fetch(parameter, offset + parameter.search(/\S/), used))
        offset += parameter.length + 1
      }
      const kernel = { template: g.template, lines: used.lines, most }
      kernels.set(g.name, kernel)
      const plain = parameters.map((p) => p.replace(/\[\[[\s\S]*\]\]/, keepLines)).join(',')
      const head = g.template ?? ''
      out += `${head}${keepLines(found[0].slice(head.length))}void ${g.name}(${plain}) `
      out += body(source.slice(brace, end), brace)
      // The wrapper that fetches the arguments; for a template it is instantiated with the kernel.
      const of = head && `<${namesOfTemplate(head.slice(head.indexOf('<') + 1, head.lastIndexOf('>')))}>`
      out += ` ${head.replace(/\s+/g, ' ')}void msl_call_${g.name}() { `
      out += `${g.name}${of}(${fetched.join(', ').replace(/\s+/g, ' ')}); }`
      if (!head) out += entry(g.name, `msl_call_${g.name}`, kernel)
      at = items.lastIndex = end
    }
  }
  copyTo(source.length)
  for (const stray of out.matchAll(threadgroupVariables)) {
    if (!stray[0].includes('&')) {
      throw new ShaderError(
        `${placeOf(out, stray.index)}: error: threadgroup variable '${stray[2]}' outside a kernel`,
      )
    }
  }
  out = out
    // Vector constructors: clang accepts float4(1, 2, 3, 4) only as a function call. (packed_float3
    // is a struct.)
    .replace(/\b(?:metal\s*::\s*)?vec\s*<([^<>;]*)>\s*\(/g, 'metal::make<$1>(')
    .replace(
      /\b(?:packed_(?!\w+3))?(b?float|half|u?int|u?short|u?char|u?long)([234])(?=\s*\()/g,
      'metal::make<$1, $2>',
    )
    .replace(/\bis_function_constant_defined\s*\(\s*(\w+)\s*\)/g, '($1__defined != 0)')
    .replace(/\[\[\s*(?:maybe_unused|unroll)\s*\]\]/g, '')
  // Copies between address spaces (see MSL_COPYABLE in the shim)
  const copyable = (text) =>
    text.replace(structs, (all, name, offset) => {
      const open = offset + all.length - 1
      const members = text.slice(open, closing(text, open))
      const constructed = new RegExp(`(?:^|[;{}\\s])${name}\\s*\\(`).test(members)
      const inserted = `${constructed ? '' : `${name}() = default; `}MSL_COPYABLE(${name}) `
      return `${all} ${/^class/.test(all) ? `public: ${inserted}private: ` : inserted}`
    })
  const storage = constants
    .map((c) => `__asm__(".comm msl_fc_${c},16,16\\n.comm msl_fcdef_${c},1,1");`)
    .join(' ')
  return {
    code: `${copyable(splitMethods(out))}\n${storage}\n`,
    strict: `${copyable(out)}\n${storage}\n`,
    table: `${table.join('\n')}\n`,
    kernels: [...kernels.keys()],
  }
}

module.exports = { ShaderError, placeOf, rewrite }
