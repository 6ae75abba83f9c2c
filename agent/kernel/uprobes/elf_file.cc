#include "agent/kernel/uprobes/elf_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

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

// The address of a defined function of that name. A file has one table of dynamic symbols. Only
// the first is read, because a hostile file may have many, each as large as the file.
std::optional<uint64_t> AddressOf(Elf* elf, const std::string& function) {
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
    if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    if (IsNamed(names, symbol.st_name, function)) return symbol.st_value;
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

}  // namespace

absl::StatusOr<uint64_t> FileOffsetOf(const std::string& path, const std::string& function) {
  HT_ASSIGN_OR_RETURN(std::string bytes, ReadWhole(path));
  if (elf_version(EV_CURRENT) == EV_NONE) return absl::InternalError("libelf is too old");
  const ElfPtr elf(elf_memory(bytes.data(), bytes.size()), &elf_end);
  if (elf == nullptr || elf_kind(elf.get()) != ELF_K_ELF) {
    return absl::InvalidArgumentError("not an ELF file");
  }
  const std::optional<uint64_t> address = AddressOf(elf.get(), function);
  if (!address.has_value()) return absl::NotFoundError("no such function");
  const std::optional<uint64_t> offset = OffsetOfAddress(elf.get(), *address);
  if (!offset.has_value() || *offset >= bytes.size()) {
    return absl::InvalidArgumentError("the function is not in an executable segment");
  }
  return *offset;
}

}  // namespace hoptrail::agent::kernel
