// Titles and origins of paths that begin with a service, or at an address of the fleet.

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "collector/notify/pagerduty/event.h"

namespace hoptrail::collector::notify {
namespace {

using Fields = google::protobuf::Map<std::string, google::protobuf::Value>;

class EventTitleTest : public testing::Test {
 protected:
  EventTitleTest() {
    input_.routing_key = "0123456789abcdef0123456789abcdef";
    input_.incident.set_name("incidents/00112233445566778899aabbccddeeff");
    input_.incident.set_title("service nginx.service (www-data): web → db");
    v1::Session* root = input_.path.add_steps()->mutable_session();
    root->set_host_name("web");
    root->set_kind(v1::SERVICE);
    root->set_uid(33);
    root->set_unit("nginx.service");
    root->set_title("service nginx.service (www-data)");
    input_.path.mutable_steps(0)->set_parent(-1);
  }

  Fields Payload() {
    google::protobuf::Struct event;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(MakeEvent(input_), &event).ok());
    return event.fields().at("payload").struct_value().fields();
  }
  Fields Root() {
    return Payload()
        .at("custom_details")
        .struct_value()
        .fields()
        .at("path")
        .list_value()
        .values(0)
        .struct_value()
        .fields();
  }

  EventInput input_;
};

TEST_F(EventTitleTest, ServiceAsRoot_IsNamedInSummaryAndDetails) {
  EXPECT_EQ(Payload().at("summary").string_value(), "service nginx.service (www-data): web → db");
  EXPECT_EQ(Root().at("who").string_value(), "service nginx.service (www-data)");
  EXPECT_EQ(Root().at("user").string_value(), "uid 33")
      << "a user without a name is shown by number";
  EXPECT_EQ(Root().at("uid").number_value(), 33);
  EXPECT_EQ(Root().count("from_host"), 0u);
}

// Hosts choose their names, and login programs the accounts that they name.
TEST_F(EventTitleTest, LoginAsAnotherUserThanTheAccount_HasBothAndTheHostsId) {
  v1::Session* root = input_.path.mutable_steps(0)->mutable_session();
  root->set_host("hosts/0123.4567");
  root->set_user("bob");
  root->mutable_authentication()->set_user("root");
  EXPECT_EQ(Root().at("host_id").string_value(), "hosts/0123.4567");
  EXPECT_EQ(Root().at("user").string_value(), "bob");
  EXPECT_EQ(Root().at("account").string_value(), "root");
  root->mutable_authentication()->set_user("bob");
  EXPECT_EQ(Root().count("account"), 0u);
}

TEST_F(EventTitleTest, RootFromAnAddressOfTheFleet_NamesItsHosts) {
  v1::PathStep* root = input_.path.mutable_steps(0);
  root->mutable_session()->mutable_entry_flow()->mutable_client()->set_address("10.0.0.2");
  root->add_origin_hosts()->set_host_name("db");
  root->add_origin_hosts()->set_host_name("vault");
  root->mutable_origin_hosts(0)->set_reason(v1::AGENT_DOWN);
  root->mutable_origin_hosts(0)->mutable_since_time()->set_seconds(1'700'000'000);
  root->mutable_origin_hosts(1)->set_reason(v1::CONNECTION_NOT_REPORTED);
  EXPECT_EQ(Root().at("from_host").string_value(), "db or vault");
  EXPECT_EQ(Root().at("missing").string_value(),
            "db: agent down since 2023-11-14T22:13:20Z; vault: connection not reported");
}

}  // namespace
}  // namespace hoptrail::collector::notify
