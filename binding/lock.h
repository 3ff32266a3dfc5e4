// An exclusive lock on a file. The system releases it when the process ends, in whatever way.
#pragma once

#include <napi.h>

namespace nano::binding {

// lockFile(path): locks an existing file without waiting. Returns an object with release(), or null
// if the file is locked already: by another process, another thread, or another call in this one.
//
// The lock does not depend on the object. It is held until release(), or until the environment (the
// process or the worker thread) ends, even if the object is garbage-collected.
//
// It creates no file, because a lock file that is removed and created again under the same name
// could be locked twice. Throws 'unsupported' if the file system has no locks.
Napi::Value LockFileAt(const Napi::CallbackInfo& info);

}  // namespace nano::binding
