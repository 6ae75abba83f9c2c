#include "agent/kernel/programs/kernel_types.h"

#include <initializer_list>

#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

// Type information as kernels have it, with what the tests need.
class KernelTypesTest : public testing::Test {
 protected:
  KernelTypesTest() : types_(btf__new_empty()) {
    number_ = btf__add_int(types_.get(), "unsigned long", 8, 0);
    EXPECT_GT(number_, 0);
  }

  void AddStruct(const char* name, std::initializer_list<const char*> fields) {
    EXPECT_GT(btf__add_struct(types_.get(), name, static_cast<uint32_t>(8 * fields.size())), 0);
    uint32_t offset = 0;
    for (const char* field : fields) {
      EXPECT_EQ(btf__add_field(types_.get(), field, number_, offset, 0), 0);
      offset += 64;
    }
  }
  void AddFunction(const char* name) {
    const int type = btf__add_func_proto(types_.get(), 0);
    EXPECT_GT(btf__add_func(types_.get(), name, BTF_FUNC_STATIC, type), 0);
  }

  const BtfPtr types_;

 private:
  int number_ = 0;
};

TEST_F(KernelTypesTest, StructWithTheField_HasIt) {
  AddStruct("io_kiocb", {"file", "cqe"});
  EXPECT_TRUE(HasField(types_.get(), "io_kiocb", "cqe"));
  EXPECT_FALSE(HasField(types_.get(), "io_kiocb", "result"));
  EXPECT_FALSE(HasField(types_.get(), "io_uring", "cqe"));
}

TEST_F(KernelTypesTest, FunctionOfTheName_Exists) {
  AddFunction("schedule");
  AddStruct("rq", {"curr"});
  EXPECT_TRUE(HasFunction(types_.get(), "schedule"));
  EXPECT_FALSE(HasFunction(types_.get(), "rq"));
}

TEST_F(KernelTypesTest, KernelBeforeTheRecursionCheck_SkipsNothing) {
  AddFunction("inc_misses_counter");
  EXPECT_FALSE(SkipsTracepointPrograms(types_.get()));
}

TEST_F(KernelTypesTest, KernelWithTheRecursionCheck_SkipsPrograms) {
  AddFunction("bpf_prog_inc_misses_counter");
  EXPECT_TRUE(SkipsTracepointPrograms(types_.get()));
}

// 5.14 to 6.15 have "srcu", of tracepoints in idle code; 6.16 to 6.19 have neither.
TEST_F(KernelTypesTest, TracepointsUnderRcu_ForbidPreemption) {
  EXPECT_FALSE(PreemptsTracepointPrograms(types_.get())) << "5.10 has no such struct";
  AddStruct("tp_transition_snapshot", {"rcu", "srcu", "ongoing"});
  EXPECT_FALSE(PreemptsTracepointPrograms(types_.get()));
}

TEST_F(KernelTypesTest, TracepointsUnderSrcuFast_AllowPreemption) {
  AddStruct("tp_transition_snapshot", {"rcu", "srcu_gp", "ongoing"});
  EXPECT_TRUE(PreemptsTracepointPrograms(types_.get()));
}

}  // namespace
}  // namespace hoptrail::agent::kernel
