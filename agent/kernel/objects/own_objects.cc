#include "agent/kernel/objects/own_objects.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "bpf/sensor.skel.h"
#include <bpf/bpf.h>

#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

// The id of the object behind `fd`; 0: none.
template <typename Info>
uint32_t IdOf(int fd, uint32_t Info::*id) {
  Info info = {};
  uint32_t size = sizeof(info);
  return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.*id : 0;
}

}  // namespace

void AddOwnObject(sensor_bpf* skeleton, ht_object_kind kind, int fd) {
  ht_object key = {kind, 0};
  if (kind == HT_OBJECT_PROGRAM) key.id = IdOf(fd, &bpf_prog_info::id);
  if (kind == HT_OBJECT_MAP) key.id = IdOf(fd, &bpf_map_info::id);
  if (kind == HT_OBJECT_LINK) key.id = IdOf(fd, &bpf_link_info::id);
  const uint8_t present = 1;
  if (key.id == 0) return;
  (void)bpf_map_update_elem(bpf_map__fd(skeleton->maps.own_objects), &key, &present, BPF_ANY);
}

void SetLoader(sensor_bpf* skeleton) {
  struct stat status {};
  if (stat("/proc/self/ns/pid", &status) != 0) return;
  skeleton->bss->ht_loader_namespace_device = status.st_dev;
  skeleton->bss->ht_loader_namespace_inode = status.st_ino;
  skeleton->bss->ht_loader_tgid = static_cast<uint32_t>(getpid());
}

void SetOwnProcesses(sensor_bpf* skeleton, const std::vector<uint32_t>& tgids) {
  auto& slots = skeleton->bss->ht_protected;
  for (size_t i = 0; i < std::size(slots); ++i) slots[i] = i < tgids.size() ? tgids[i] : 0;
}

}  // namespace hoptrail::agent::kernel
