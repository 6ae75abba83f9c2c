#include "agent/kernel/watch/watched_files.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bpf/abi/events.h"
#include "bpf/sensor.skel.h"
#include <bpf/bpf.h>

#include "core/base/log.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace hoptrail::agent::kernel {
namespace {

// The number of rounds that Forget() needs.
constexpr int kRoundsToForget = 3;

// The key in the kernel side's tables.
ht_file_key TableKey(const FileKey& file) {
  return {file.inode, static_cast<uint32_t>(file.device), 0};
}

// Removes entries that no search has found for two rounds. An entry that the kernel side has added
// itself has round 0, and gets the present one first.
template <typename Key>
void Forget(int map, uint32_t round) {
  std::vector<Key> gone, fresh;
  Key key = {};
  ht_watch watch;
  for (void* previous = nullptr; bpf_map_get_next_key(map, previous, &key) == 0; previous = &key) {
    if (bpf_map_lookup_elem(map, &key, &watch) != 0) continue;
    if (watch.round == 0) fresh.push_back(key);
    if (watch.round != 0 && watch.round + 2 <= round) gone.push_back(key);
  }
  for (const Key& one : gone) (void)bpf_map_delete_elem(map, &one);
  for (const Key& one : fresh) {
    if (bpf_map_lookup_elem(map, &one, &watch) != 0 || watch.round != 0) continue;
    watch.round = round;
    (void)bpf_map_update_elem(map, &one, &watch, BPF_EXIST);
  }
}

}  // namespace

WatchedFiles::WatchedFiles(sensor_bpf* skeleton, WatchOptions options)
    : skeleton_(skeleton), options_(std::move(options)) {}

FileKey WatchedFiles::KeyOf(int fd) const {
  const uint64_t arguments[1] = {static_cast<uint64_t>(fd)};
  LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = arguments, .ctx_size_in = sizeof(arguments));
  const bpf_program* program = skeleton_->progs.ht_resolve;
  if (bpf_program__fd(program) >= 0 &&
      bpf_prog_test_run_opts(bpf_program__fd(program), &run) == 0) {
    return {skeleton_->bss->ht_resolved_device, skeleton_->bss->ht_resolved_inode};
  }
  struct stat file;
  if (fstat(fd, &file) != 0) return {};
  return {major(file.st_dev) << 20 | minor(file.st_dev), file.st_ino};
}

size_t WatchedFiles::UpdateTables() {
  std::map<FileKey, uint32_t> all_files;
  std::map<std::pair<FileKey, std::string>, uint32_t> all_names;
  for (const auto& [key, root] : roots_) {
    for (const auto& [file, flags] : root.files()) all_files[file] |= flags;
    for (const auto& [name, flags] : root.names()) all_names[name] |= flags;
  }
  ++round_;
  const int files = bpf_map__fd(skeleton_->maps.watched_files);
  const int names = bpf_map__fd(skeleton_->maps.watched_names);
  size_t left_out = 0;
  for (const auto& [file, flags] : all_files) {
    const ht_file_key key = TableKey(file);
    const ht_watch watch = {flags, round_};
    skeleton_->bss->ht_watch_filter[HT_WATCH_FILTER_SLOT(key.inode)] = 1;
    if (bpf_map_update_elem(files, &key, &watch, BPF_ANY) != 0) ++left_out;
  }
  for (const auto& [name, flags] : all_names) {
    ht_watched_name key = {};
    key.directory = TableKey(name.first);
    std::memcpy(key.name, name.second.data(), std::min(name.second.size(), sizeof(key.name) - 1));
    const ht_watch watch = {flags, round_};
    if (bpf_map_update_elem(names, &key, &watch, BPF_ANY) != 0) ++left_out;
  }
  Forget<ht_file_key>(files, round_);
  Forget<ht_watched_name>(names, round_);
  if (left_out > 0 && left_out_ == 0) {
    LogWarning("kernel", left_out,
               " watched files and directories are not watched: the kernel side's tables are full; "
               "watch fewer paths (kernel.watch)");
  }
  left_out_ = left_out;
  return all_files.size() + all_names.size();
}

size_t WatchedFiles::Search(const MountRoots& mount_roots) {
  if (options_.reads.empty() && options_.writes.empty()) return 0;
  ++searches_;
  const auto key_of = [this](int fd) { return KeyOf(fd); };
  bool changed = false;
  for (const MountRoots::Root& root : mount_roots.roots()) {
    // The inode spreads the complete searches over the rounds.
    const bool complete = (searches_ + std::get<0>(root.key)) % kCompleteEvery == 0;
    changed = roots_[root.key].Search(root, options_, complete, key_of) || changed;
  }
  for (auto root = roots_.begin(); root != roots_.end();) {
    const bool gone = !mount_roots.Has(root->first);
    changed = changed || gone;
    root = gone ? roots_.erase(root) : std::next(root);
  }
  if (changed) updates_left_ = kRoundsToForget;
  if (updates_left_ > 0) {
    --updates_left_;
    watched_ = UpdateTables();
  }
  return watched_;
}

}  // namespace hoptrail::agent::kernel
