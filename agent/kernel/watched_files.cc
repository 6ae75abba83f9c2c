#include "agent/kernel/watched_files.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/sensor.skel.h"
#include <bpf/bpf.h>

#include "agent/kernel/mount_views.h"
#include "core/base/log.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace hoptrail::agent::kernel {
namespace {

// How deep in a watched folder the search goes: /etc/systemd/system/x.wants, a secret's folders.
constexpr int kDepth = 3;

bool IsFolder(int fd) {
  struct stat file;
  return fstat(fd, &file) == 0 && S_ISDIR(file.st_mode);
}

// Entries that no search has found for two rounds go; those that the kernel side has added since
// the last one are given a round first.
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

WatchOptions DefaultWatch() {
  return {
      .reads = {"/root/.ssh",
                "/home/*/.ssh",
                "/etc/ssh/ssh_host_*_key",
                "/etc/shadow",
                "/etc/gshadow",
                "/root/.aws",
                "/home/*/.aws",
                "/root/.azure",
                "/home/*/.azure",
                "/root/.config/gcloud",
                "/home/*/.config/gcloud",
                "/root/.kube",
                "/home/*/.kube",
                "/root/.docker",
                "/home/*/.docker",
                "/root/.gnupg",
                "/home/*/.gnupg",
                "/etc/kubernetes",
                "/var/run/secrets/kubernetes.io",
                "/etc/ssl/private",
                "/etc/krb5.keytab",
                "/root/.vault-token",
                "/root/.netrc",
                "/home/*/.netrc",
                "/root/.git-credentials",
                "/home/*/.git-credentials"},
      .writes = {"/etc/ssh",
                 "/etc/passwd",
                 "/etc/group",
                 "/etc/sudoers",
                 "/etc/sudoers.d",
                 "/etc/pam.d",
                 "/etc/security",
                 "/etc/crontab",
                 "/etc/cron.d",
                 "/etc/cron.hourly",
                 "/etc/cron.daily",
                 "/etc/cron.weekly",
                 "/etc/cron.monthly",
                 "/var/spool/cron",
                 "/etc/systemd/system",
                 "/usr/lib/systemd/system",
                 "/lib/systemd/system",
                 "/usr/local/lib/systemd/system",
                 "/root/.config/systemd/user",
                 "/home/*/.config/systemd/user",
                 "/etc/ld.so.preload"},
  };
}

WatchedFiles::WatchedFiles(sensor_bpf* skeleton, WatchOptions options)
    : skeleton_(skeleton), options_(std::move(options)) {}

WatchedFiles::FileName WatchedFiles::NameOf(int fd) const {
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

// So that a file that is removed and made anew, or was not there at first, is watched at once.
void WatchedFiles::WatchName(const FolderWalk& view, const std::string& path, uint32_t flags) {
  const size_t slash = path.rfind('/');
  const UniqueFd folder = view.OpenName(path.substr(0, slash));
  if (!folder.valid() || !IsFolder(folder.get())) return;
  const FileName name = NameOf(folder.get());
  files_[name] |= HT_WATCH_NAMES;
  names_[{name, path.substr(slash + 1, HT_WATCHED_NAME_BYTES - 1)}] |= flags;
}

void WatchedFiles::WatchFolders(const FolderWalk& view, const std::string& folder, uint32_t flags,
                                int depth) {
  for (const std::string& name : view.NamesIn(folder)) {
    const std::string path = absl::StrCat(folder, "/", name);
    const UniqueFd fd = view.OpenName(path);
    if (!fd.valid()) continue;
    if (!IsFolder(fd.get())) {
      // What its folder does not cover: a symbolic link to a file elsewhere.
      files_[NameOf(fd.get())] |= flags;
    } else if (files_.size() < HT_WATCHED_FILES && depth > 0) {
      files_[NameOf(fd.get())] |= flags;
      WatchFolders(view, path, flags, depth - 1);
    }
  }
}

void WatchedFiles::SearchView(const FolderWalk& view, absl::string_view pattern, uint32_t flags) {
  for (const std::string& path : view.Match(pattern)) {
    WatchName(view, path, flags);
    const UniqueFd fd = view.OpenName(path);
    if (!fd.valid()) continue;
    files_[NameOf(fd.get())] |= flags;
    if (IsFolder(fd.get())) WatchFolders(view, path, flags, kDepth);
  }
}

void WatchedFiles::Tell() {
  const int files = bpf_map__fd(skeleton_->maps.watched_files);
  const int names = bpf_map__fd(skeleton_->maps.watched_names);
  size_t left_out = 0;
  for (const auto& [name, flags] : files_) {
    const ht_file_name key = {name.second, name.first, 0};
    const ht_watch watch = {flags, round_};
    skeleton_->bss->ht_watch_filter[HT_WATCH_FILTER_SLOT(key.inode)] = 1;
    if (bpf_map_update_elem(files, &key, &watch, BPF_ANY) != 0) ++left_out;
  }
  for (const auto& [name, flags] : names_) {
    ht_watched_name key = {};
    key.folder = {name.first.second, name.first.first, 0};
    std::memcpy(key.name, name.second.data(), std::min(name.second.size(), sizeof(key.name) - 1));
    const ht_watch watch = {flags, round_};
    if (bpf_map_update_elem(names, &key, &watch, BPF_ANY) != 0) ++left_out;
  }
  Forget<ht_file_name>(files, round_);
  Forget<ht_watched_name>(names, round_);
  if (left_out > 0 && left_out_ == 0) {
    LogWarning("kernel", left_out, " watched files and folders are left out: no room");
  }
  left_out_ = left_out;
}

size_t WatchedFiles::Search() {
  if (options_.reads.empty() && options_.writes.empty()) return 0;
  ++round_;
  files_.clear();
  names_.clear();
  for (const std::string& root : MountViews()) {
    const FolderWalk view(root.empty() ? "/" : root);
    if (!view.valid()) continue;
    for (const std::string& pattern : options_.reads) SearchView(view, pattern, HT_WATCH_READS);
    for (const std::string& pattern : options_.writes) SearchView(view, pattern, HT_WATCH_WRITES);
  }
  Tell();
  return files_.size() + names_.size();
}

}  // namespace hoptrail::agent::kernel
