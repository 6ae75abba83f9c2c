// The kernel contract: every struct and field that the programs use (bpf/include/kernel_types.h and
// compat.h) against the running kernel's own types. Where libbpf cannot resolve a field at load, it
// writes an instruction that the verifier refuses only if it is reached. This test names the field.

#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bpf/sensor.skel.h"
#include "gtest/gtest.h"
#include <bpf/btf.h>

#include <sys/mman.h>

namespace hoptrail::kernel_test {
namespace {

// Some kernels lack these. The programs check that each exists (bpf_core_field_exists,
// bpf_core_type_exists) before they use it. A struct without a field stands for all of its fields.
const std::set<std::string>& MayBeMissing() {
  static const auto* const names = new std::set<std::string>{
      "task_struct.loginuid",   // CONFIG_AUDIT
      "task_struct.sessionid",  // CONFIG_AUDIT
      "proto_accept_arg",       // from 6.10 on
      "kernfs_node.parent",     // up to 6.14
      "kernfs_node.__parent",   // from 6.15 on
      "mptcp_sock",             // CONFIG_MPTCP
      "io_kiocb.cqe",           // from 5.19 on
      "io_cqe",
      "io_uring_task.task",
      "io_kiocb.task",        // up to 6.12
      "io_kiocb.tctx",        // from 6.13 on
      "io_open.file_slot",    // from 5.15 on
      "io_accept.file_slot",  // from 5.15 on
  };
  return *names;
}

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};
using BtfPtr = std::unique_ptr<btf, BtfDeleter>;

// The parts of the section .BTF.ext that this test reads; from the kernel's
// include/uapi/linux/bpf.h and libbpf.
struct ExtHeader {
  uint16_t magic;
  uint8_t version, flags;
  uint32_t header_length;
  uint32_t func_offset, func_length, line_offset, line_length, relocation_offset, relocation_length;
};
struct Relocation {
  uint32_t instruction, type, access, kind;
};
enum { kFieldExists = 2, kTypeExists = 8 };

struct Contract {
  BtfPtr types;
  std::vector<Relocation> relocations;
};

// The types and relocations of the sensor's object file.
Contract ReadContract() {
  Contract contract;
  size_t size = 0;
  const void* bytes = sensor_bpf__elf_bytes(&size);
  const int fd = memfd_create("contract", MFD_CLOEXEC);
  EXPECT_EQ(write(fd, bytes, size), static_cast<ssize_t>(size));
  btf_ext* ext = nullptr;
  contract.types.reset(btf__parse(("/proc/self/fd/" + std::to_string(fd)).c_str(), &ext));
  close(fd);
  if (contract.types == nullptr || ext == nullptr) return contract;
  uint32_t length = 0;
  const auto* data = static_cast<const char*>(btf_ext__get_raw_data(ext, &length));
  ExtHeader header;
  memcpy(&header, data, sizeof(header));
  size_t at = header.header_length + header.relocation_offset;
  const size_t end = std::min<size_t>(at + header.relocation_length, length);
  uint32_t record = 0;
  memcpy(&record, data + at, sizeof(record));
  at += sizeof(record);
  while (record >= sizeof(Relocation) && at + 8 <= end) {
    uint32_t section[2];  // name, number of records
    memcpy(section, data + at, sizeof(section));
    at += sizeof(section);
    for (uint32_t i = 0; i < section[1] && at + record <= end; ++i, at += record) {
      memcpy(&contract.relocations.emplace_back(), data + at, sizeof(Relocation));
    }
  }
  btf_ext__free(ext);
  return contract;
}

const btf_type* Skip(const btf* types, uint32_t id) {
  const btf_type* type = btf__type_by_id(types, id);
  while (btf_is_mod(type) || btf_is_typedef(type)) type = btf__type_by_id(types, type->type);
  return type;
}

std::string NameOf(const btf* types, uint32_t offset) {
  const std::string name = btf__name_by_offset(types, offset);
  return name.substr(0, name.find("___"));  // libbpf ignores the rest: a flavour
}

// The types and fields to which the programs' relocations refer.
struct References {
  std::set<uint32_t> structs;    // type ids in the object file
  std::set<std::string> probed;  // "sock.sk_err": its existence is checked
};

// Follows an access string ("0:3:1") from its root type.
void Follow(const Contract& contract, const Relocation& relocation, References* references) {
  const btf* types = contract.types.get();
  const btf_type* type = Skip(types, relocation.type);
  std::string path = btf__name_by_offset(types, relocation.access);
  if (relocation.kind == kTypeExists) {
    references->probed.insert(NameOf(types, btf__type_by_id(types, relocation.type)->name_off));
  }
  size_t colon = path.find(':');
  while (btf_is_composite(type)) {
    const int id =
        btf__find_by_name_kind(types, btf__name_by_offset(types, type->name_off), btf_kind(type));
    if (id > 0 && type->name_off != 0) references->structs.insert(static_cast<uint32_t>(id));
    if (colon == std::string::npos) return;
    path = path.substr(colon + 1);
    const size_t index = std::stoul(path);
    if (index >= btf_vlen(type)) return;
    const btf_member& member = btf_members(type)[index];
    if (relocation.kind == kFieldExists) {
      references->probed.insert(NameOf(types, type->name_off) + "." +
                                NameOf(types, member.name_off));
    }
    type = Skip(types, member.type);
    colon = path.find(':');
    if (btf_is_array(type) && colon != std::string::npos) {
      path = path.substr(colon + 1);
      colon = path.find(':');
      type = Skip(types, btf_array(type)->type);
    }
  }
}

// The field `name` of a struct or of its anonymous members; nullptr if there is none.
const btf_member* Find(const btf* types, const btf_type* type, const std::string& name) {
  for (int i = 0; i < btf_vlen(type); ++i) {
    const btf_member& member = btf_members(type)[i];
    if (name == btf__name_by_offset(types, member.name_off)) return &member;
    const btf_type* inner = Skip(types, member.type);
    if (member.name_off == 0 && btf_is_composite(inner)) {
      if (const btf_member* found = Find(types, inner, name)) return found;
    }
  }
  return nullptr;
}

// libbpf lets integers and enumerations stand for each other.
int KindOf(const btf_type* type) {
  return btf_is_any_enum(type) ? int{BTF_KIND_INT} : btf_kind(type);
}

class ContractTest : public testing::Test {
 protected:
  void SetUp() override {
    contract_ = ReadContract();
    ASSERT_NE(contract_.types, nullptr);
    ASSERT_FALSE(contract_.relocations.empty());
    for (const Relocation& relocation : contract_.relocations)
      Follow(contract_, relocation, &references_);
    kernel_.reset(btf__load_vmlinux_btf());
    ASSERT_NE(kernel_, nullptr) << strerror(errno);
  }

  // Why the kernel's field does not match ours; empty if it matches.
  std::string Compare(const btf_member& ours, const btf_member& theirs) const {
    const btf_type* our_type = Skip(contract_.types.get(), ours.type);
    const btf_type* their_type = Skip(kernel_.get(), theirs.type);
    if (KindOf(our_type) != KindOf(their_type)) {
      return "is of kind " + std::to_string(btf_kind(their_type)) + ", not " +
             std::to_string(btf_kind(our_type));
    }
    // A field is read in the size declared here; libbpf adapts bit-fields and structs.
    const bool bits = (ours.offset >> 24) != 0 && btf_is_int(our_type);
    if (KindOf(our_type) == BTF_KIND_INT && !bits && our_type->size != their_type->size) {
      return "has " + std::to_string(their_type->size) + " bytes, not " +
             std::to_string(our_type->size);
    }
    return "";
  }

  // Compares a struct of ours with the kernel's; what the kernel lacks goes to missing_.
  void CheckStruct(const btf_type* ours) {
    const btf* types = contract_.types.get();
    const std::string name = NameOf(types, ours->name_off);
    int id = btf__find_by_name_kind(kernel_.get(), name.c_str(), btf_kind(ours));
    if (id < 0) {
      missing_.insert(name);
      return;
    }
    const btf_type* theirs = btf__type_by_id(kernel_.get(), static_cast<uint32_t>(id));
    for (int i = 0; i < btf_vlen(ours); ++i) {
      const btf_member& member = btf_members(ours)[i];
      const std::string field = NameOf(types, member.name_off);
      if (field.empty()) continue;
      const btf_member* found = Find(kernel_.get(), theirs, field);
      if (found == nullptr) {
        missing_.insert(name + "." + field);
        continue;
      }
      ++checked_;
      EXPECT_EQ(Compare(member, *found), "") << name << "." << field;
    }
  }

  Contract contract_;
  References references_;
  BtfPtr kernel_;
  std::set<std::string> missing_;
  size_t checked_ = 0;
};

TEST_F(ContractTest, EveryUsedStructAndField_IsInTheRunningKernel) {
  for (uint32_t id : references_.structs) CheckStruct(btf__type_by_id(contract_.types.get(), id));
  for (const std::string& name : missing_) {
    EXPECT_EQ(MayBeMissing().count(name), 1u) << name << " is not in this kernel";
  }
  EXPECT_GT(references_.structs.size(), 30u);
  EXPECT_GT(checked_, 80u);
  RecordProperty("structs", static_cast<int>(references_.structs.size()));
  RecordProperty("fields", static_cast<int>(checked_));
  printf("%zu structs, %zu fields\n", references_.structs.size(), checked_);
}

TEST_F(ContractTest, FieldThatMayBeMissing_IsCheckedBeforeUse) {
  for (const std::string& name : MayBeMissing()) {
    EXPECT_EQ(references_.probed.count(name), 1u)
        << name << " is used without a check that it exists";
  }
}

}  // namespace
}  // namespace hoptrail::kernel_test
