"""The loads that servers are put under, and the scenarios that these make up."""
