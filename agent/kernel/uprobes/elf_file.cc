#include "agent/kernel/uprobes/elf_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "agent/kernel/uprobes/linkage_table.h"
#include "core/base/status_macros.h"
#include "core/base/unique_fd.h"
#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

// A C library has about two.
constexpr size_t kMaxFileBytes = size_t{16} << 20;

using ElfPtr = std::unique_ptr<Elf, decltype(&elf_end)>;

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return absl::NotFoundError(absl::StrCat("open: ", strerror(errno)));
  struct stat status;
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError("not a regular file");
  }
  const auto size = static_cast<size_t>(status.st_size);
  if (size > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat("larger than ", kMaxFileBytes, " bytes"));
  }
  std::string bytes(size, '\0');
  size_t length = 0;
  while (length < size) {
    const ssize_t count = read(fd.get(), bytes.data() + length, size - length);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    length += static_cast<size_t>(count);
  }
  bytes.resize(length);
  return bytes;
}

absl::string_view Contents(const Elf_Data* data) {
  if (data == nullptr || data->d_buf == nullptr) return {};
  return absl::string_view(static_cast<const char*>(data->d_buf), data->d_size);
}

// Whether the text at `offset` of a string table is `name`. elf_strptr() would search for the end
// of the table again for every symbol.
bool IsNamed(absl::string_view table, size_t offset, absl::string_view name) {
  if (offset > table.size()) return false;
  table.remove_prefix(offset);
  return table.size() > name.size() && absl::StartsWith(table, name) && table[name.size()] == '\0';
}

struct Symbol {
  size_t index = 0;
  uint64_t address = 0;
};

// The function of that name that the file defines, or that it takes from a library. A file has one
// table of dynamic symbols. Only the first is read, because a hostile file may have many, each as
// large as the file.
std::optional<Symbol> FindFunction(Elf* elf, const std::string& function, bool defined) {
  Elf_Scn* section = nullptr;
  GElf_Shdr header;
  do {
    section = elf_nextscn(elf, section);
    if (section == nullptr) return std::nullopt;
  } while (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_DYNSYM);
  Elf_Data* symbols = elf_getdata(section, nullptr);
  if (symbols == nullptr || header.sh_entsize == 0) return std::nullopt;
  const absl::string_view names = Contents(elf_getdata(elf_getscn(elf, header.sh_link), nullptr));
  const size_t count = symbols->d_size / header.sh_entsize;
  for (size_t i = 0; i < count; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(symbols, static_cast<int>(i), &symbol) == nullptr) break;
    if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC) continue;
    if ((symbol.st_shndx != SHN_UNDEF) != defined) continue;
    if (IsNamed(names, symbol.st_name, function)) {
      return Symbol{.index = i, .address = symbol.st_value};
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> OffsetOfAddress(Elf* elf, uint64_t address) {
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return std::nullopt;
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) break;
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 && address >= segment.p_vaddr &&
        address - segment.p_vaddr < segment.p_filesz) {
      return address - segment.p_vaddr + segment.p_offset;
    }
  }
  return std::nullopt;
}

// The place where the dynamic linker writes the function's address. A file has two tables of
// relocations, one of them for the linkage table.
std::vector<uint64_t> SlotsOf(Elf* elf, size_t symbol) {
  constexpr int kMaxTables = 2;
  std::vector<uint64_t> slots;
  Elf_Scn* section = nullptr;
  for (int tables = 0; tables < kMaxTables && (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_RELA) continue;
    ++tables;
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) continue;
    const size_t count = data->d_size / header.sh_entsize;
    for (size_t i = 0; i < count && slots.size() < kMaxTables; ++i) {
      GElf_Rela relocation;
      if (gelf_getrela(data, static_cast<int>(i), &relocation) == nullptr) break;
      if (GELF_R_SYM(relocation.r_info) == symbol) slots.push_back(relocation.r_offset);
    }
  }
  return slots;
}

// The address of the entry that jumps to the address in one of the slots.
std::optional<uint64_t> FindEntry(Elf* elf, uint16_t machine, const std::vector<uint64_t>& slots) {
  constexpr int kMaxTables = 4;  // .plt, .plt.got, .plt.sec
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return std::nullopt;
  const absl::string_view name_bytes = Contents(elf_getdata(elf_getscn(elf, names), nullptr));
  Elf_Scn* section = nullptr;
  for (int tables = 0; tables < kMaxTables && (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_PROGBITS ||
        (header.sh_flags & SHF_EXECINSTR) == 0 || header.sh_name > name_bytes.size() ||
        !absl::StartsWith(name_bytes.substr(header.sh_name), ".plt")) {
      continue;
    }
    ++tables;
    const auto entry =
        FindLinkageEntry(machine, Contents(elf_getdata(section, nullptr)), header.sh_addr, slots);
    if (entry.has_value()) return entry;
  }
  return std::nullopt;
}

// Reads a file and finds an address in it: `find(Elf*)` returns a status or the address.
template <typename Find>
absl::StatusOr<uint64_t> OffsetIn(const std::string& path, Find find) {
  HT_ASSIGN_OR_RETURN(std::string bytes, ReadWhole(path));
  if (elf_version(EV_CURRENT) == EV_NONE) return absl::InternalError("libelf is too old");
  const ElfPtr elf(elf_memory(bytes.data(), bytes.size()), &elf_end);
  if (elf == nullptr || elf_kind(elf.get()) != ELF_K_ELF) {
    return absl::InvalidArgumentError("not an ELF file");
  }
  const absl::StatusOr<uint64_t> address = find(elf.get());
  if (!address.ok()) return address.status();
  const std::optional<uint64_t> offset = OffsetOfAddress(elf.get(), *address);
  if (!offset.has_value() || *offset >= bytes.size()) {
    return absl::InvalidArgumentError("the function is not in an executable segment");
  }
  return *offset;
}

}  // namespace

absl::StatusOr<uint64_t> FileOffsetOf(const std::string& path, const std::string& function) {
  return OffsetIn(path, [&](Elf* elf) -> absl::StatusOr<uint64_t> {
    const std::optional<Symbol> symbol = FindFunction(elf, function, /*defined=*/true);
    if (!symbol.has_value()) return absl::NotFoundError("no such function");
    return symbol->address;
  });
}

absl::StatusOr<uint64_t> LinkageOffsetOf(const std::string& path, const std::string& function) {
  return OffsetIn(path, [&](Elf* elf) -> absl::StatusOr<uint64_t> {
    const std::optional<Symbol> symbol = FindFunction(elf, function, /*defined=*/false);
    if (!symbol.has_value()) return absl::NotFoundError("no such function");
    GElf_Ehdr header;
    if (gelf_getehdr(elf, &header) == nullptr) return absl::InvalidArgumentError("no ELF header");
    const auto entry = FindEntry(elf, header.e_machine, SlotsOf(elf, symbol->index));
    if (!entry.has_value()) return absl::FailedPreconditionError("not in the linkage table");
    return *entry;
  });
}

}  // namespace hoptrail::agent::kernel
