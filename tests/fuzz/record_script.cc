#include "tests/fuzz/record_script.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "tests/fuzz/record_layout.h"

namespace hoptrail::fuzz {
namespace {

constexpr const char* kCommands[] = {"sshd", "bash", "cron", "systemd"};
// Path components, last first, each ended by a bar in place of its NUL.
constexpr const char* kPrograms[] = {"sshd|sbin|usr|",
                                     "sshd-session|openssh|lib|usr|",
                                     "bash|bin|usr|",
                                     "ssh|bin|usr|",
                                     "cron|sbin|usr|",
                                     "login|bin|",
                                     "systemd|systemd|lib|usr|",
                                     "nginx|sbin|usr|",
                                     "runc|bin|usr|",
                                     ""};
#define HT_CONTAINER_ID "3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70"
constexpr const char* kCgroups[] = {"nginx.service|system.slice||",
                                    "docker-" HT_CONTAINER_ID ".scope|system.slice||",
                                    HT_CONTAINER_ID "|docker||cron.service|system.slice||",
                                    "dump.service|system.slice||",
                                    "web1|lxc||",
                                    ""};
constexpr const char* kServices[] = {"sshd", "login", "cron", "su", "sudo", ""};
constexpr const char* kUsers[] = {"staff", "root", "deploy", ""};
constexpr const char* kHosts[] = {"198.51.100.9", "198.51.100.10", "gw.example", "::1", ""};
constexpr const char* kTerminals[] = {"ssh", "pts/1", "tty1", ""};
#define HT_KEY "SHA256:0123456789012345678901234567890123456789012"
constexpr const char* kMessages[] = {
    "Accepted publickey for staff from 198.51.100.9 port 40000 ssh2: ED25519 " HT_KEY,
    "Accepted password for root from 198.51.100.9 port 40001 ssh2",
    "Failed password for staff from 198.51.100.9 port 40000 ssh2",
    "Failed password for invalid user x from 198.51.100.10 port 40001 ssh2",
    "Accepted publickey for staff from 198.51.100.9 port 40002 ssh2: ED25519-CERT " HT_KEY
    " ID staff@corp (serial 7) CA ED25519 " HT_KEY,
    "Connection closed by 198.51.100.9 port 40000",
};
#undef HT_KEY

std::string WithNuls(std::string text) {
  std::replace(text.begin(), text.end(), '|', '\0');
  return text;
}

template <typename T>
std::string Bytes(const T& record) {
  return std::string(reinterpret_cast<const char*>(&record), sizeof(record));
}

// A record of fixed size with its header; the rest is zero.
template <typename T>
T Begin(const ht_header& header) {
  T record;
  std::memset(static_cast<void*>(&record), 0, sizeof(record));
  record.header = header;
  record.header.size = sizeof(record);
  return record;
}

}  // namespace

RecordScript::Key RecordScript::Process() {
  const uint8_t which = source_.Byte();
  if (which == 255) return {};
  if ((which & 128) != 0) {
    return {static_cast<uint32_t>(source_.Number(4)), source_.Number(8)};
  }
  const uint8_t index = which & 15;
  const uint64_t reused = (which & 16) != 0 ? 5'000'000'000 : 0;  // the same pid, another process
  if (index == 0) return {1, 1};
  return {100u + index, 1000 + index + reused};
}

ht_header RecordScript::Header(uint16_t type) {
  ht_header header = {};
  header.size = sizeof(header);
  header.type = type;
  const Key self = Process();
  const Key parent = Process();
  const Key tag = Process();
  const uint8_t flags = source_.Byte();
  const uint8_t time = source_.Byte();
  if (time == 255) {
    passed_ns_ = 0;
    boot_ns_ = source_.Number(8);
  } else {
    passed_ns_ = uint64_t{time} * time * 1'000'000;
    boot_ns_ += passed_ns_;
  }
  header.boot_ns = boot_ns_;
  header.who.tgid = header.who.tid = self.tgid;
  header.who.start_ns = self.start_ns;
  header.who.parent_tgid = parent.tgid;
  header.who.parent_start_ns = parent.start_ns;
  header.who.tag_tgid = tag.tgid;
  header.who.tag_start_ns = tag.start_ns;
  header.who.uid = (flags & 1) != 0 ? 1000 : 0;
  header.who.euid = (flags & 2) != 0 ? 0 : header.who.uid;
  header.who.login_uid = (flags & 4) != 0 ? 1000 : HT_NO_LOGIN;
  header.who.audit_session = (flags & 4) != 0 ? 7u + ((flags & 8) >> 3) : HT_NO_LOGIN;
  header.who.pid_namespace = (flags & 16) != 0 ? 101 : 100;
  header.who.network_namespace = (flags & 32) != 0 ? 201 : 200;
  std::strncpy(header.who.comm, kCommands[flags >> 6], sizeof(header.who.comm));
  return header;
}

ht_connection RecordScript::Connection() {
  const uint8_t which = source_.Byte();
  ht_connection connection = {};
  if ((which & 128) != 0) {
    const absl::string_view raw = source_.Take(sizeof(connection));
    std::memcpy(static_cast<void*>(&connection), raw.data(), raw.size());
    return connection;
  }
  const uint8_t index = which & 7;
  connection.socket = 0x100 + index;
  connection.side = (which >> 3) & 3;
  connection.listening = (which >> 5) & 1;
  connection.network_namespace = 200;
  connection.rtt_us = 300;
  if (index != 5) {  // connection 5 has no hop key yet
    connection.client_isn = index * 7u + 1;
    connection.server_isn = index + 1u;
  }
  const bool v6 = (which & 64) != 0;
  uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 9};
  if (v6) mapped[0] = 0x20;
  mapped[15] = static_cast<uint8_t>(9 + (index & 1));
  std::memcpy(connection.client_address, mapped, sizeof(mapped));
  mapped[15] = 1;
  std::memcpy(connection.server_address, mapped, sizeof(mapped));
  connection.client_port = static_cast<uint16_t>(40000 + index);
  connection.server_port = index < 6 ? 22 : 443;
  return connection;
}

ht_stream RecordScript::Stream() {
  ht_stream stream = {};
  stream.kind = source_.Byte();
  if (stream.kind == HT_STREAM_TCP) {
    stream.tcp = Connection();
  } else if (stream.kind == HT_STREAM_TERMINAL) {
    stream.device = source_.Byte() % 2 == 0 ? 136u << 20 | 3 : 4u << 20 | 1;
  }
  return stream;
}

std::string RecordScript::Program() {
  const uint8_t which = source_.Byte();
  if (which == 255) return source_.Text();
  return WithNuls(kPrograms[which % std::size(kPrograms)]);
}

std::string RecordScript::Cgroups() {
  const uint8_t which = source_.Byte();
  if (which == 255) return source_.Text();
  return WithNuls(kCgroups[which % std::size(kCgroups)]);
}

void RecordScript::Field(const char* const* words, size_t count, ht_text* text, char* bytes,
                         size_t capacity) {
  const uint8_t which = source_.Byte();
  const std::string value = which == 255 ? source_.Text() : words[which % count];
  text->length = static_cast<uint16_t>(value.size());
  std::memcpy(bytes, value.data(), std::min(value.size(), capacity));
}

std::string RecordScript::Fork(const ht_header& header) {
  auto record = Begin<ht_fork>(header);
  const Key child = Process();
  const Key tag = Process();
  record.child_tgid = child.tgid;
  record.child_start_ns = child.start_ns;
  record.child_tag_tgid = tag.tgid;
  record.child_tag_start_ns = tag.start_ns;
  return Bytes(record);
}

std::string RecordScript::Exec(const ht_header& header) {
  auto record = Begin<ht_exec>(header);
  const std::string path = Program();
  const std::string directory = Program();
  const std::string arguments = Program();
  record.flags = source_.Byte();
  for (ht_stream& stream : record.streams) stream = Stream();
  const std::string cgroups = (record.flags & HT_EXEC_CGROUPS) != 0 ? Cgroups() : "";
  record.inode = path.size();
  record.path.length = static_cast<uint16_t>(path.size());
  record.directory.length = static_cast<uint16_t>(directory.size());
  record.cgroups.length = static_cast<uint16_t>(cgroups.size());
  record.arguments.length = static_cast<uint16_t>(arguments.size());
  record.header.size +=
      static_cast<uint32_t>(path.size() + directory.size() + cgroups.size() + arguments.size());
  return Bytes(record) + path + directory + cgroups + arguments;
}

std::string RecordScript::Tcp(const ht_header& header) {
  auto record = Begin<ht_tcp>(header);
  record.phase = source_.Byte();
  record.connection = Connection();
  record.bytes_sent = source_.Number(2);
  record.bytes_received = source_.Number(2);
  record.error = source_.Byte();
  return Bytes(record);
}

std::string RecordScript::Accept(const ht_header& header) {
  auto record = Begin<ht_accept>(header);
  record.connection = Connection();
  record.first_use = source_.Byte() & 1;
  return Bytes(record);
}

std::string RecordScript::Pam(const ht_header& header) {
  auto record = Begin<ht_pam>(header);
  record.step = source_.Byte();
  record.verified = source_.Byte() & 1;
  record.result = source_.Byte();
  Field(kServices, std::size(kServices), &record.service, record.service_bytes,
        sizeof(record.service_bytes));
  Field(kUsers, std::size(kUsers), &record.user, record.user_bytes, sizeof(record.user_bytes));
  Field(kHosts, std::size(kHosts), &record.remote_host, record.remote_host_bytes,
        sizeof(record.remote_host_bytes));
  Field(kTerminals, std::size(kTerminals), &record.terminal, record.terminal_bytes,
        sizeof(record.terminal_bytes));
  return Bytes(record);
}

std::string RecordScript::Sshd(const ht_header& header) {
  auto record = Begin<ht_sshd>(header);
  const uint8_t flags = source_.Byte();
  record.verified = flags & 1;
  record.kind = static_cast<uint8_t>(flags >> 1);
  Field(kMessages, std::size(kMessages), &record.text, record.bytes, sizeof(record.bytes));
  return Bytes(record);
}

std::string RecordScript::SocketSnapshot(const ht_header& header) {
  auto record = Begin<ht_socket_snapshot>(header);
  record.connection = Connection();
  return Bytes(record);
}

std::string RecordScript::Other(const ht_header& header) {
  const RecordLayout& layout = RecordLayouts()[header.type];
  std::string record(std::max(layout.fixed, sizeof(header)), '\0');
  const absl::string_view body = source_.Take(record.size() - sizeof(header));
  std::copy(body.begin(), body.end(), record.begin() + sizeof(header));
  for (const size_t count : layout.text_counts) {
    const std::string text = Program();
    const auto length = static_cast<uint16_t>(text.size());
    std::memcpy(record.data() + count, &length, sizeof(length));
    record += text;
  }
  ht_header whole = header;
  whole.size = static_cast<uint32_t>(record.size());
  std::memcpy(record.data(), &whole, sizeof(whole));
  return record;
}

std::string RecordScript::Next() {
  const ht_header header = Header(static_cast<uint16_t>(source_.Byte() % HT_TYPES));
  switch (header.type) {
    case HT_TYPE_FORK:
      return Fork(header);
    case HT_TYPE_EXEC:
    case HT_TYPE_PROCESS_SNAPSHOT:
      return Exec(header);
    case HT_TYPE_TCP:
      return Tcp(header);
    case HT_TYPE_ACCEPT:
      return Accept(header);
    case HT_TYPE_PAM:
      return Pam(header);
    case HT_TYPE_SSHD:
      return Sshd(header);
    case HT_TYPE_SOCKET_SNAPSHOT:
      return SocketSnapshot(header);
    default:
      return Other(header);
  }
}

std::string Vary(std::string record, uint32_t number) {
  ht_header header;
  std::memcpy(&header, record.data(), sizeof(header));
  header.boot_ns += number;
  header.who.tgid += number * 256;
  header.who.start_ns += number;
  std::memcpy(record.data(), &header, sizeof(header));
  const auto vary_connection = [&](size_t offset) {
    ht_connection connection;
    std::memcpy(static_cast<void*>(&connection), record.data() + offset, sizeof(connection));
    connection.socket += number * 256;
    connection.client_port = static_cast<uint16_t>(connection.client_port + number);
    connection.client_isn += number * 256;
    connection.server_address[14] ^= static_cast<uint8_t>(number);
    std::memcpy(record.data() + offset, &connection, sizeof(connection));
  };
  if (header.type == HT_TYPE_TCP) vary_connection(offsetof(ht_tcp, connection));
  if (header.type == HT_TYPE_ACCEPT) vary_connection(offsetof(ht_accept, connection));
  if (header.type == HT_TYPE_FORK) {
    ht_fork fork;
    std::memcpy(&fork, record.data(), sizeof(fork));
    fork.child_tgid += number * 256;
    fork.child_start_ns += number;
    std::memcpy(record.data(), &fork, sizeof(fork));
  }
  return record;
}

}  // namespace hoptrail::fuzz
