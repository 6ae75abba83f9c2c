// The program that the load generator executes: static, ends at once.
int main() { return 0; }
