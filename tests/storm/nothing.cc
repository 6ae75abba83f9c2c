// What the storm executes: a static program that ends at once.
int main() { return 0; }
