"""What Fullstory is: operations, calls, people, annotations."""
