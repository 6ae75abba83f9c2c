#ifndef HOPTRAIL_COLLECTOR_QUERY_UNARY_H_
#define HOPTRAIL_COLLECTOR_QUERY_UNARY_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <grpcpp/grpcpp.h>

#include "collector/api/assemble.h"
#include "collector/api/message_reader.h"
#include "collector/query/workers.h"
#include "collector/rpc/peer.h"
#include "collector/store/readable_store.h"

namespace hoptrail::collector::query {

// The objects that the services use. Not owned; all of them outlive the services.
struct Backend {
  store::ReadableStore* store = nullptr;
  Workers* workers = nullptr;
  api::PathSource path_of;
  // Returns once the change is durable.
  std::function<absl::Status(const model::IncidentId&, model::IncidentState,
                             const std::string& who)>
      set_incident_state;
  // Likewise. A host without a boot stands for the machine with all its boots.
  std::function<absl::Status(const model::HostId&, const std::string& who)> remove_host;
};

// Answers one call on a worker thread with a borrowed reader, after `allowed` has passed the peer.
template <typename Work>
grpc::ServerUnaryReactor* AnswerUnary(grpc::CallbackServerContext* context, const Backend* backend,
                                      absl::Status (*allowed)(const rpc::Peer&), Work work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  rpc::Peer peer = rpc::PeerOf(*context);
  if (absl::Status status = allowed(peer); !status.ok()) {
    reactor->Finish(rpc::ToGrpc(status));
    return reactor;
  }
  const bool queued = backend->workers->TryRun([=, peer = std::move(peer)] {
    api::MessageReader reader(backend->store->BorrowReader());
    absl::Status status = work(&reader, peer);
    const auto trouble = backend->store->trouble();
    if (trouble && absl::IsNotFound(status)) {  // it may be one that could not be stored
      status = absl::NotFoundError(absl::StrCat(status.message(), "; ", trouble->detail));
    }
    reactor->Finish(rpc::ToGrpc(status));
  });
  if (!queued) {
    reactor->Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                 "the collector has too many queries to answer; try again later"));
  }
  return reactor;
}

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_UNARY_H_
