"""What does despark do, shown on a scan that it makes itself?"""
