// What the loads execute: a static program that ends at once.
int main() { return 0; }
