#ifndef HOPTRAIL_AGENT_UPLINK_RECORD_SOURCE_H_
#define HOPTRAIL_AGENT_UPLINK_RECORD_SOURCE_H_

#include <cstdint>
#include <optional>
#include <set>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/spool/spool.h"
#include "agent/spool/spool_reader.h"
#include "core/model/ids.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::agent::uplink {

// Reads the spool's records in the order of sending: those of earlier boots first, each host's from
// the disk and then from memory. Opens the file again whenever the spool has another one, and
// reports to the spool what a reader finds wrong with it. Errors are of the spool's file and pass:
// call again. One thread.
class RecordSource {
 public:
  // `host`: the present one. `spool` outlives this.
  RecordSource(const model::HostId& host, spool::Spool* spool) : host_(host), spool_(*spool) {}

  // Follows the spool to its present file. Call before the next two.
  absl::Status Refresh();
  // The host whose records are sent first: an earlier boot that has some, or the present one.
  absl::StatusOr<model::HostId> ChooseHost();
  // The numbers of a host's records, on disk and in memory; zeros where there are none.
  absl::StatusOr<spool::SpoolReader::Range> Spooled(const model::HostId& host);

  // The records after `after`, from the disk or else from memory; empty where there are none.
  absl::StatusOr<v1::Batch> Next(const model::HostId& host, uint64_t after);

  // An earlier boot that the collector does not accept: ChooseHost() leaves it out from now on.
  void SkipHost(const model::HostId& host) { skipped_hosts_.insert(host); }

 private:
  absl::Status OnReaderError(const absl::Status& status);

  const model::HostId host_;
  spool::Spool& spool_;
  std::optional<spool::SpoolReader> reader_;
  uint64_t generation_ = 0;  // of the file that the reader has, or had, open
  int failures_ = 0;         // in a row
  std::set<model::HostId> skipped_hosts_;
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_RECORD_SOURCE_H_
