// Counts each thread's allocations, preloaded into a program (LD_PRELOAD). The counts are an array
// of ThreadCount in the file that HOPTRAIL_ALLOCATIONS names. The file is mapped before the program
// confines itself, so that an observer can read the counts while the program runs.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <sys/mman.h>
#include <sys/syscall.h>

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the C library's own, by other names
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
// NOLINTEND(bugprone-reserved-identifier)
}

namespace {

constexpr size_t kThreads = 1024;

struct ThreadCount {
  std::atomic<int64_t> thread;  // 0: free
  std::atomic<uint64_t> allocations;
};

ThreadCount* counts = nullptr;
thread_local ThreadCount* mine = nullptr;

__attribute__((constructor)) void Map() {
  const char* path = getenv("HOPTRAIL_ALLOCATIONS");
  const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* memory =
      mmap(nullptr, kThreads * sizeof(ThreadCount), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) return;
  counts = static_cast<ThreadCount*>(memory);
  // The only thread of a forked process counts as a new thread.
  pthread_atfork(nullptr, nullptr, [] { mine = nullptr; });
}

void Count() {
  if (counts == nullptr) return;
  if (mine == nullptr) {
    const int64_t self = syscall(SYS_gettid);
    for (size_t i = 0; i < kThreads && mine == nullptr; ++i) {
      int64_t nobody = 0;
      if (counts[i].thread.compare_exchange_strong(nobody, self)) mine = &counts[i];
    }
    if (mine == nullptr) return;
  }
  mine->allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

// `new` calls malloc, too.
extern "C" void* malloc(size_t size) {
  Count();
  return __libc_malloc(size);
}

extern "C" void* calloc(size_t count, size_t size) {
  Count();
  return __libc_calloc(count, size);
}

extern "C" void* realloc(void* memory, size_t size) {
  Count();
  return __libc_realloc(memory, size);
}

extern "C" void* aligned_alloc(size_t alignment, size_t size) {
  Count();
  return __libc_memalign(alignment, size);
}

extern "C" int posix_memalign(void** memory, size_t alignment, size_t size) {
  Count();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? 12 /* ENOMEM */ : 0;
}
