// The program that the loads execute: static, ends at once.
int main() { return 0; }
