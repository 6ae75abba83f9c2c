#include "core/graph/merge.h"

#include <tuple>
#include <utility>

namespace hoptrail::graph {
namespace {

// How far a session has come; it never goes back.
auto Progress(const model::Session& s) {
  return std::make_tuple(s.closed_wall_ns != 0, s.login_ended_wall_ns != 0, s.logged_in);
}

auto Progress(const model::HopEnd& e) {
  return std::make_tuple(e.closed_wall_ns != 0, !e.hop_key.empty(), !e.session.empty());
}

template <typename T>
void Fill(const T& from, T* into) {
  if (*into == T{}) *into = from;
}

// Whether `into` may take user and unit from `from`: not where the session turned out to be of
// another kind, and not where a service's program now runs as another user, which has no name.
bool SameActor(const model::Session& from, const model::Session& into) {
  if (from.kind != into.kind) return false;
  const bool program = into.kind == model::EntryKind::kService ||
                       into.kind == model::EntryKind::kContainer ||
                       into.kind == model::EntryKind::kCron;
  return !program || from.uid == into.uid;
}

void FillFrom(const model::Session& from, model::Session* into) {
  if (into->kind == model::EntryKind::kUnknown) into->kind = from.kind;
  into->logged_in = into->logged_in || from.logged_in;
  if (into->user.empty() && SameActor(from, *into)) {
    into->user = from.user;
    into->uid = from.uid;
  }
  if (into->login_uid == model::kNoLogin) into->login_uid = from.login_uid;
  if (into->audit_session == model::kNoLogin) into->audit_session = from.audit_session;
  if (!into->entry.has_value()) {
    into->entry = from.entry;
  } else if (from.entry.has_value()) {
    Fill(from.entry->hop_key, &into->entry->hop_key);
  }
  if (into->authentication.method == model::AuthMethod::kUnknown &&
      from.authentication.method != model::AuthMethod::kUnknown) {
    into->authentication = from.authentication;
  }
  Fill(from.program, &into->program);
  if (from.kind == into->kind) Fill(from.unit, &into->unit);
  Fill(from.terminal, &into->terminal);
  Fill(from.caused_by, &into->caused_by);
  Fill(from.opened_boot_ns, &into->opened_boot_ns);
  Fill(from.opened_wall_ns, &into->opened_wall_ns);
  Fill(from.login_ended_wall_ns, &into->login_ended_wall_ns);
  Fill(from.closed_wall_ns, &into->closed_wall_ns);
  Fill(from.drivers, &into->drivers);
}

void FillFrom(const model::HopEnd& from, model::HopEnd* into) {
  if (into->session.empty()) {
    into->session = from.session;
    into->opened_session = from.opened_session;
  } else if (into->session == from.session) {
    into->opened_session = into->opened_session || from.opened_session;
  }
  if (into->process.empty()) {
    into->process = from.process;
    into->uid = from.uid;
  }
  Fill(from.program, &into->program);
  Fill(from.user, &into->user);
  Fill(from.hop_key, &into->hop_key);
  Fill(from.rtt_us, &into->rtt_us);
  Fill(from.bytes_sent, &into->bytes_sent);
  Fill(from.bytes_received, &into->bytes_received);
  Fill(from.closed_wall_ns, &into->closed_wall_ns);
  Fill(from.drivers, &into->drivers);
  into->drives = into->drives || from.drives;
  const bool earlier =
      from.established_boot_ns != 0 &&
      (into->established_boot_ns == 0 || from.established_boot_ns < into->established_boot_ns);
  if (earlier) {
    into->established_boot_ns = from.established_boot_ns;
    into->established_wall_ns = from.established_wall_ns;
    if (from.rtt_us != 0) into->rtt_us = from.rtt_us;
  }
}

template <typename T>
bool MergeInto(const T& update, T* known) {
  // An update that lags behind is an old record sent again: it may only fill gaps.
  const bool stale = Progress(update) < Progress(*known);
  T merged = stale ? *known : update;
  FillFrom(stale ? update : *known, &merged);
  if (merged == *known) return false;
  *known = std::move(merged);
  return true;
}

}  // namespace

bool Merge(const model::Session& update, model::Session* known) { return MergeInto(update, known); }

bool Merge(const model::HopEnd& update, model::HopEnd* known) { return MergeInto(update, known); }

}  // namespace hoptrail::graph
