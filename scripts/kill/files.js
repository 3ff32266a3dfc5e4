// Ends the process at a chosen operation on files: before, during or after it. With a power loss, the
// disk then also loses what was not flushed: the contents of files, and the newest changes of names.
//
// Model of the disk: a file's contents are safe after its `sync`, and so is what it had before an append.
// Changes of names (new file, rename, link, unlink) are safe after a `sync` of their folder; before that, a
// random number of the newest ones is undone, as in a file system with an ordered journal.

const fs = require('node:fs')
const files = require('node:fs/promises')
const { dirname, join } = require('node:path')
const { Random } = require('./random')

const kill = () => process.kill(process.pid, 'SIGKILL')

class Disk {
  /**
   * @param spare a folder on the same disk for files that a power loss brings back
   * @param random undefined: the power stays on
   */
  constructor(spare, random) {
    this.spare = spare
    this.random = random
    /** Files whose contents are not flushed; objects, because they are renamed. */
    this.unflushed = new Set()
    /** Changes of names that are not flushed: { folder, undo }. */
    this.changes = []
    if (random) fs.mkdirSync(spare, { recursive: true })
  }

  created(path) {
    const file = { path, safe: 0 }
    this.unflushed.add(file)
    this.change(path, () => fs.unlinkSync(path))
    return file
  }

  appended(path) {
    const known = [...this.unflushed].find((file) => file.path === path)
    if (known) return known
    const file = { path, safe: fs.statSync(path).size }
    this.unflushed.add(file)
    return file
  }

  flushed(file) {
    this.unflushed.delete(file)
  }

  flushedFolder(folder) {
    this.changes = this.changes.filter((change) => change.folder !== folder)
  }

  /** Call before the change; the returned function records it. */
  renaming(from, to) {
    const kept = this.keep(to)
    if (kept && fs.statSync(kept).ino === fs.statSync(from).ino) return () => {}
    return () => {
      for (const file of this.unflushed) if (file.path === from) file.path = to
      this.change(to, () => {
        fs.renameSync(to, from)
        for (const file of this.unflushed) if (file.path === to) file.path = from
        if (kept) fs.renameSync(kept, to)
      })
    }
  }

  linking(path) {
    return () => this.change(path, () => fs.unlinkSync(path))
  }

  unlinking(path) {
    const kept = this.keep(path)
    return () => {
      if (kept) this.change(path, () => fs.renameSync(kept, path))
    }
  }

  lose() {
    if (!this.random) return
    const safe = this.random.whole(0, this.changes.length)
    for (const { undo } of this.changes.slice(safe).reverse()) undo()
    for (const { path, safe } of this.unflushed) {
      if (!fs.existsSync(path)) continue
      const { size } = fs.statSync(path)
      const isAll = this.random.chance(0.5)
      fs.truncateSync(path, isAll ? safe : this.random.whole(safe, Math.max(safe, size - 1)))
    }
  }

  change(path, undo) {
    // A lock means nothing after a power loss.
    if (this.random && !path.includes('.lock')) this.changes.push({ folder: dirname(path), undo })
  }

  /** Keeps a file that is about to lose its name. Undefined: there is none. */
  keep(path) {
    if (!this.random || !fs.statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined
    const kept = join(this.spare, String(fs.readdirSync(this.spare).length))
    fs.linkSync(path, kept)
    return kept
  }
}

/**
 * Counts the operations that change files, from 1. Must be called before the library is loaded.
 *
 * @param end { how: 'operation', nth, when: 'before' | 'during' | 'after', powerLoss, seed };
 *   { how: 'pause', every }: stops the process at every so many operations, until somebody continues it;
 *   anything else: only counts
 * @param hasLinks whether the file system has hard links
 * @returns an object whose `count` is the number so far
 */
function watchFiles(spare, end, hasLinks) {
  const chosen = end?.how === 'operation' ? end : {}
  const every = end?.how === 'pause' ? end.every : Infinity
  const random = new Random(chosen.seed)
  const disk = new Disk(spare, chosen.powerLoss ? random : undefined)
  const operations = { count: 0 }
  const die = () => {
    disk.lose()
    kill()
  }

  /**
   * @param work starts the operation
   * @param part does a part of it, if it can be done in parts
   * @param record tells the disk that it is done
   */
  async function operation(work, record = () => {}, part = undefined) {
    const isChosen = ++operations.count === chosen.nth
    if (isChosen && chosen.when === 'before') die()
    if (isChosen && chosen.when === 'during') {
      if (part) await part()
      // A started operation may be carried out or not. After a power loss it is not.
      else if (!chosen.powerLoss) work()
      die()
    }
    const working = work()
    if (operations.count % every === 0) process.kill(process.pid, 'SIGSTOP')
    const result = await working
    record(result)
    if (isChosen) die()
    return result
  }

  const { open, rename, link, unlink, mkdir, rm } = files
  const names = { open, rename, link, unlink, mkdir, rm }

  names.open = async (path, flags, mode) => {
    const isAppend = typeof flags === 'number' && (flags & fs.constants.O_APPEND) !== 0
    if (!isAppend && !/[wa+]/.test(String(flags))) {
      const handle = await open(path, flags, mode)
      const { sync } = handle
      handle.sync = () =>
        operation(
          () => sync.call(handle),
          () => disk.flushedFolder(String(path)),
        )
      return handle
    }
    let file
    const handle = await operation(
      () => open(path, flags, mode),
      () => {
        file = isAppend ? disk.appended(String(path)) : disk.created(String(path))
      },
    )
    const { write, sync } = handle
    handle.write = (chunk, start, length) =>
      operation(
        () => write.call(handle, chunk, start, length),
        () => {},
        async () => {
          const most = random.whole(0, length)
          if (most > 0) await write.call(handle, chunk, start, most)
        },
      )
    handle.sync = () =>
      operation(
        () => sync.call(handle),
        () => disk.flushed(file),
      )
    return handle
  }
  names.rename = (from, to) => {
    const record = disk.renaming(String(from), String(to))
    return operation(() => rename(from, to), record)
  }
  const refuse = async () => {
    throw Object.assign(new Error('EPERM: no links here, link'), { code: 'EPERM' })
  }
  names.link = (existing, path) =>
    operation(() => (hasLinks ? link(existing, path) : refuse()), disk.linking(String(path)))
  names.unlink = (path) => {
    const record = disk.unlinking(String(path))
    return operation(() => unlink(path), record)
  }
  names.rm = (path, options) => {
    const record = disk.unlinking(String(path))
    return operation(() => rm(path, options), record)
  }
  names.mkdir = (path, options) => operation(() => mkdir(path, options))
  Object.assign(files, names)
  return operations
}

module.exports = { kill, watchFiles }
